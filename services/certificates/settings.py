"""What certificates reads from its environment, and the tools that follow from it."""

from datetime import date, datetime
from functools import cache
from zoneinfo import ZoneInfo

import environ

from libs.chassis import documents
from libs.chassis import settings as of_process
from libs.chassis.documents import DocumentStore
from libs.chassis.operator import Operator, load_operator
from services.certificates.model.numbers import PREFIX


@environ.config(prefix="")
class CertificatesSettings:
    """``TIME_ZONE`` says where a day begins: the last day of a training, the date on a certificate."""

    operator: str = environ.var("demo", help="Preset under config/operators, or a path.")
    public_url: str = environ.var("http://127.0.0.1:8000", help="Where the check page is, printed in every QR code.")
    documents_url: str = environ.var("file:///var/lib/licentia/documents")
    time_zone: ZoneInfo = environ.var("Europe/Sofia", converter=ZoneInfo)


@cache
def settings() -> CertificatesSettings:
    """The settings of this process, read once."""
    return environ.to_config(CertificatesSettings)


@cache
def operator() -> Operator:
    """The operator whose certificates these are."""
    chosen = load_operator(settings().operator)
    if not PREFIX.fullmatch(chosen.training.certificate_prefix):
        raise ValueError("training.certificate_prefix is one to four Latin capitals")
    return chosen


@cache
def store() -> DocumentStore:
    """Where PDFs and archives are kept."""
    return documents.from_url(settings().documents_url)


def local_date(instant: datetime) -> date:
    """The day of an instant where the operator is."""
    return instant.astimezone(settings().time_zone).date()


@cache
def training_of(sku: str) -> str:
    """The training that a product of this sku gives, as the catalogue says; its own sku where it says nothing."""
    for product in operator().products:
        if product["sku"] == sku:
            return str(product.get("training", sku))
    return sku


def require(process: str) -> None:
    """Load everything that the process will need; raises :class:`NotReady`."""
    of_process.require("TIME_ZONE", settings)
    of_process.require("OPERATOR", operator)
    of_process.require("DOCUMENTS_URL", store)
