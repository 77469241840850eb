"""Settings come from the environment, once, into a typed object; a secret may be the path of a file."""

from pathlib import Path

import environ


def secret_or_file(value: str) -> str:
    """The secret itself, or what stands in the file it names (``/run/secrets/…``)."""
    if value.startswith(("/", "./")) and Path(value).is_file():
        return Path(value).read_text().strip()
    return value


@environ.config(prefix="")
class CommonSettings:
    """What every process needs."""

    amqp_url: str = environ.var("amqp://127.0.0.1:5672/")
    operator: str = environ.var("demo")
    documents_url: str = environ.var("file:///var/lib/licentia/documents")
    public_url: str = environ.var("http://127.0.0.1:8000")
    health_host: str = environ.var("127.0.0.1")
    health_port: int = environ.var(0, converter=int)
    principal_public_key: str = environ.var("")


def common_settings() -> CommonSettings:
    """The common settings of this process."""
    return environ.to_config(CommonSettings)
