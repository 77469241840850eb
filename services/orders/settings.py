"""Settings of the orders service, and what is made of them once."""

from functools import cache
from zoneinfo import ZoneInfo

import environ

from libs.chassis import settings as of_process
from libs.chassis.documents import DocumentStore, from_url
from libs.chassis.operator import Operator, load_operator
from libs.chassis.waits import bound


@environ.config(prefix="")
class OrdersSettings:
    """`TIME_ZONE` says which day a document bears; `STATEMENT_MAX_BYTES` bounds an uploaded statement."""

    operator: str = environ.var("demo")
    documents_url: str = environ.var("file:///var/lib/licentia/documents")
    time_zone: ZoneInfo = environ.var("Europe/Sofia", converter=ZoneInfo)
    statement_max_bytes: int = bound(
        50_000_000, "the reader of a bank statement, for the end of its file", "the file is refused", unit="bytes"
    )
    import_statement_timeout: float = bound(
        120.0, "the statement that takes in all rows of a bank file", "it is cancelled, and the import tried again"
    )


@cache
def settings() -> OrdersSettings:
    """The settings of this process."""
    return environ.to_config(OrdersSettings)


def operator() -> Operator:
    """The operator of this installation."""
    return load_operator(settings().operator)


@cache
def store() -> DocumentStore:
    """The document store of this installation."""
    return from_url(settings().documents_url)


def require(process: str) -> None:
    """Load everything that the process will need; raises :class:`NotReady`."""
    of_process.require("TIME_ZONE", settings)
    of_process.require("OPERATOR", operator)
    of_process.require("DOCUMENTS_URL", store)
