"""Settings come from the environment, once, into a typed object; a secret may be the path of a file."""

from collections.abc import Callable
from pathlib import Path

import environ
from environ.exceptions import MissingEnvValueError


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


class NotReady(Exception):
    """A key or setting that the process needs is missing or of no use; the message is one sentence for an operator."""


def require(name: str, load: Callable[[], object]) -> None:
    """Load what a setting names, now and not at the first call; raises :class:`NotReady` with the setting's name.

    Of the failure only the kind is told: its text might hold the secret itself.
    """
    try:
        load()
    except MissingEnvValueError as error:
        missing = [name for one in error.args for name in (one if isinstance(one, tuple | list) else [one])]
        raise NotReady(f"not set: {', '.join(sorted(map(str, missing)))}") from None
    except NotReady:
        raise
    except Exception as error:
        raise NotReady(f"{name} cannot be used ({type(error).__name__})") from None
