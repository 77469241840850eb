"""Logs: JSON lines, or coloured text on a terminal, with service and correlation id and nothing secret."""

import logging
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

correlation_id: ContextVar[str | None] = ContextVar("correlation_id", default=None)
"""The id that entered at the gateway and follows the deed through every service."""


@contextmanager
def correlated(value: str | None) -> Iterator[None]:
    """Let what is logged and begun inside the block belong to the deed with this id; None changes nothing."""
    token = correlation_id.set(value) if value else None
    try:
        yield
    finally:
        if token is not None:
            correlation_id.reset(token)


SECRET_WORDS = (
    "password",
    "secret",
    "token",
    "cookie",
    "authorization",
    "digest",
    "email",
    "phone",
    "login",
    "name_of",
)
HIDDEN = "<hidden>"


def _hide_secrets(_: WrappedLogger, __: str, event: EventDict) -> EventDict:
    for key in event:
        if any(word in key.lower() for word in SECRET_WORDS):
            event[key] = HIDDEN
    return event


def _add_correlation(_: WrappedLogger, __: str, event: EventDict) -> EventDict:
    if (current := correlation_id.get()) is not None:
        event.setdefault("correlation_id", current)
    return event


def configure(service: str, *, level: str | None = None) -> None:
    """Send this process's logs, and those of libraries, to standard output."""
    on_terminal = os.environ.get("LOG_FORMAT", "") == "text" or (
        os.environ.get("LOG_FORMAT") is None and sys.stdout.isatty()
    )

    def add_service(_: WrappedLogger, __: str, event: EventDict) -> EventDict:
        event["service"] = service
        return event

    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        add_service,
        _add_correlation,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        _hide_secrets,
    ]
    renderer: list[Processor] = (
        # plain tracebacks: the handsome ones print local variables, and with them people's data
        [structlog.dev.ConsoleRenderer(colors=sys.stdout.isatty(), exception_formatter=structlog.dev.plain_traceback)]
        if on_terminal
        else [structlog.processors.format_exc_info, structlog.processors.JSONRenderer(ensure_ascii=False)]
    )
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *renderer],
        )
    )
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(level or os.environ.get("LOG_LEVEL", "INFO"))
    for chatty in ("pika", "amqp", "kombu", "urllib3", "nameko", "alembic.runtime", "mail.log"):
        logging.getLogger(chatty).setLevel(logging.WARNING)


def get_logger(name: str = "") -> Any:
    """A structured logger: ``log.info("order placed", order_id=…)``."""
    return structlog.stdlib.get_logger(name)
