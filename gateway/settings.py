"""What the gateway reads from its environment."""

import secrets
from functools import cache

import environ

from libs.chassis.waits import bound

MIB = 1024 * 1024


@environ.config(prefix="GATEWAY")
class Settings:
    """Settings of one gateway process; ``GATEWAY_`` before the name except where another is given."""

    amqp_url: str = environ.var(
        "amqp://licentia_gateway@127.0.0.1:5672/licentia", name="AMQP_URL", help="The broker, with the gateway's user."
    )
    operator: str = environ.var("demo", name="OPERATOR", help="Preset under config/operators, or a path.")
    documents_url: str = environ.var("file:///var/lib/licentia/documents", name="DOCUMENTS_URL", help="Document store.")
    public_url: str = environ.var("http://127.0.0.1:8080", name="PUBLIC_URL", help="Address people open; https → TLS.")
    secret_key: str = environ.var("", help="Signs form tokens; the same for all replicas. Empty: random at start.")
    trusted_proxies: int = environ.var(0, converter=int, help="How many proxies in front set X-Forwarded-*.")
    rpc_timeout: float = bound(
        5.0,
        "a page, for the answer of a service: half of it (the request expires then), and once more under the same id",
        "503; nothing is lost, the deed may be repeated under its id",
    )
    rpc_in_flight: int = bound(64, "questions to all services, for each process", "who needs one more waits", unit="")
    rpc_in_flight_each: int = bound(
        18, "questions to one service, so that it cannot take all threads", "who needs one more waits", unit=""
    )
    rpc_slot_wait: float = bound(1.0, "a question that is one too many, for its turn", "503 with Retry-After")
    queue_wait: float = bound(1.0, "a request that has come, for a thread", "503 with Retry-After, at once")
    retry_after: int = bound(3, "who was refused, as Retry-After says (up to twice that)", "they ask again")
    broker_patience: float = bound(1.0, "a question, for a connection that is being made", "503 with Retry-After")
    broker_timeout: float = bound(5.0, "a new connection to the broker, for each of its steps", "it is tried again")
    broker_heartbeat: int = bound(20, "a silent connection to the broker", "after two the connection is made anew")
    broker_blocked: float = bound(
        10.0, "a connection on which the broker blocks publishing (memory, disk)", "it is made anew; until then 503"
    )
    broker_longest_pause: float = bound(5.0, "a failed connection, between two attempts", "the next attempt")
    streams: int = bound(
        12, "open pushes to browsers, for each process", "one more is told 503 and asks again", unit=""
    )
    principal_cache: float = environ.var(20.0, converter=float, help="Seconds a signed-in person is remembered.")
    sign_ins_per_minute: int = environ.var(20, converter=int, help="Password tries of one address; 0: no limit.")
    checks_per_minute: int = environ.var(60, converter=int, help="Public certificate checks of one address.")
    body_limit: int = bound(2 * MIB, "the body of an ordinary request", "413", unit="bytes")
    upload_limit: int = bound(64 * MIB, "an uploaded bank statement", "413", unit="bytes")

    @property
    def tls(self) -> bool:
        """Whether people reach the portal over TLS, so that cookies may say so."""
        return self.public_url.startswith("https://")


@environ.config(prefix="GATEWAY")
class Serving:
    """How gunicorn serves the gateway; ``GATEWAY_`` before the name."""

    workers: int = bound(2, "processes", "more requests wait for a thread", unit="")
    threads: int = bound(24, "threads of a process", "more requests wait for a thread", unit="")
    connections: int = bound(
        256, "open connections of a process, idle ones included", "more wait in the backlog", unit=""
    )
    backlog: int = bound(
        256, "connections that no process has taken yet", "the machine refuses more; browsers try again", unit=""
    )
    client_timeout: float = bound(20.0, "a client, for each of its next bytes", "400, or the connection is closed")
    keepalive: int = bound(5, "an idle connection of a client, or a new one that says nothing", "it is closed")
    worker_timeout: int = bound(60, "the main loop of a process, for its next turn", "the process is replaced")
    graceful_timeout: int = bound(20, "a process that was told to stop, for the requests it has", "they are cut off")
    max_requests: int = environ.var(0, converter=int, help="Requests after which a process is replaced; 0: never.")


@cache
def serving() -> Serving:
    """How this process is served."""
    chosen: Serving = environ.to_config(Serving)
    return chosen


def load(environment: dict[str, str] | None = None) -> Settings:
    """Read the settings; a missing secret key becomes a random one, good for a single process."""
    settings: Settings = (
        environ.to_config(Settings) if environment is None else environ.to_config(Settings, environment)
    )
    if not settings.secret_key:
        settings.secret_key = secrets.token_urlsafe(32)
    return settings
