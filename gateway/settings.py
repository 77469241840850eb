"""What the gateway reads from its environment."""

import secrets

import environ

MIB = 1024 * 1024


@environ.config(prefix="GATEWAY")
class Settings:
    """Settings of one gateway process; ``GATEWAY_`` before the name except where another is given."""

    amqp_url: str = environ.var("amqp://guest:guest@127.0.0.1:5672/%2F", name="AMQP_URL", help="The broker.")
    operator: str = environ.var("demo", name="OPERATOR", help="Preset under config/operators, or a path.")
    documents_url: str = environ.var("file:///var/lib/licentia/documents", name="DOCUMENTS_URL", help="Document store.")
    public_url: str = environ.var("http://127.0.0.1:8080", name="PUBLIC_URL", help="Address people open; https → TLS.")
    secret_key: str = environ.var("", help="Signs form tokens; the same for all replicas. Empty: random at start.")
    trusted_proxies: int = environ.var(0, converter=int, help="How many proxies in front set X-Forwarded-*.")
    rpc_timeout: float = environ.var(5.0, converter=float, help="Seconds a page waits for an answer.")
    rpc_in_flight: int = environ.var(64, converter=int, help="Requests on the bus at once, for each process.")
    streams: int = environ.var(12, converter=int, help="Open pushes to browsers, for each process.")
    principal_cache: float = environ.var(20.0, converter=float, help="Seconds a signed-in person is remembered.")
    sign_ins_per_minute: int = environ.var(20, converter=int, help="Password tries of one address; 0: no limit.")
    checks_per_minute: int = environ.var(60, converter=int, help="Public certificate checks of one address.")
    body_limit: int = environ.var(2 * MIB, converter=int, help="Bytes of an ordinary request.")
    upload_limit: int = environ.var(64 * MIB, converter=int, help="Bytes of an uploaded statement.")

    @property
    def tls(self) -> bool:
        """Whether people reach the portal over TLS, so that cookies may say so."""
        return self.public_url.startswith("https://")


def load(environment: dict[str, str] | None = None) -> Settings:
    """Read the settings; a missing secret key becomes a random one, good for a single process."""
    settings: Settings = (
        environ.to_config(Settings) if environment is None else environ.to_config(Settings, environment)
    )
    if not settings.secret_key:
        settings.secret_key = secrets.token_urlsafe(32)
    return settings
