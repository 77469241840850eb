"""Settings of the notifications service, and what is made of them once per process."""

import ssl
from dataclasses import dataclass
from functools import cache
from urllib.parse import parse_qs, unquote, urlsplit
from zoneinfo import ZoneInfo

import environ

from libs.chassis import settings as of_process
from libs.chassis.crypto import check_private_key
from libs.chassis.documents import DocumentStore, from_url
from libs.chassis.operator import Operator, load_operator
from libs.chassis.principal import read_key
from libs.chassis.settings import common_settings, secret_or_file
from libs.chassis.waits import bound


class Hidden(str):
    """A secret that does not show when the settings are printed."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "<hidden>"


TLS_MODES = ("none", "starttls", "tls")


@dataclass(frozen=True, kw_only=True)
class SmtpAddress:
    """Where mails are handed over; ``tls`` is ``none``, ``starttls`` or ``tls``."""

    host: str
    port: int
    tls: str
    user: str | None

    @classmethod
    def read(cls, url: str) -> "SmtpAddress":
        """The address of ``smtp://user@host:587?tls=starttls`` or ``smtps://host``; :class:`ValueError` otherwise."""
        parts = urlsplit(url)
        if parts.scheme not in ("smtp", "smtps") or not parts.hostname:
            raise ValueError("SMTP_URL is smtp://[user@]host[:port][?tls=starttls] or smtps://[user@]host[:port]")
        if parts.password:
            raise ValueError("SMTP_URL holds no password: it belongs into SMTP_PASSWORD (or the file it names)")
        tls = "tls" if parts.scheme == "smtps" else parse_qs(parts.query).get("tls", ["none"])[0]
        if tls not in TLS_MODES:
            raise ValueError(f"SMTP_URL: tls is one of {', '.join(TLS_MODES)}")
        port = parts.port or {"none": 25, "starttls": 587, "tls": 465}[tls]
        return cls(host=parts.hostname, port=port, tls=tls, user=unquote(parts.username) if parts.username else None)


@environ.config(prefix="")
class NotificationsSettings:
    """``MAIL_FROM`` is by default the operator's support address; a password may be the path of its file."""

    smtp_url: SmtpAddress = environ.var("smtp://127.0.0.1:25", converter=SmtpAddress.read)
    smtp_password: str = environ.var("", converter=lambda value: Hidden(secret_or_file(value)))
    smtp_timeout: float = bound(
        15.0, "the mail server, for each of its answers", "the connection is dropped; the mail waits and is tried again"
    )
    smtp_total: float = bound(
        60.0,
        "the mail server, for connecting, and for hearing one mail to its end",
        "the connection is dropped; the mail waits and is tried again",
    )
    smtp_acceptance_timeout: float = bound(
        300.0,
        "the mail server, for its yes to a whole mail (who gives up here may have been heard)",
        "the connection is dropped; the mail goes out again under the same Message-ID",
    )
    smtp_rest_first: float = bound(2.0, "all mails, when the mail server is found away", "one mail tries")
    smtp_rest_most: float = bound(15.0, "all mails, while the mail server stays away", "one mail tries")
    smtp_ca_file: str = environ.var("")
    mail_from: str = environ.var("")
    notifications_private_key: str = environ.var("", converter=Hidden)
    time_zone: ZoneInfo = environ.var("Europe/Sofia", converter=ZoneInfo)

    @property
    def private_key(self) -> str:
        """The key (PEM) that opens sealed secrets; :class:`ValueError` where there is none."""
        if not self.notifications_private_key:
            raise ValueError("NOTIFICATIONS_PRIVATE_KEY is not set")
        return read_key(self.notifications_private_key)

    def tls_context(self) -> ssl.SSLContext:
        """Certificates of mail servers are always checked."""
        return ssl.create_default_context(cafile=self.smtp_ca_file or None)


@cache
def settings() -> NotificationsSettings:
    """The settings of this process."""
    return environ.to_config(NotificationsSettings)


@cache
def operator() -> Operator:
    """Whose mails these are."""
    return load_operator(common_settings().operator)


@cache
def document_store() -> DocumentStore:
    """Where attachments lie."""
    return from_url(common_settings().documents_url)


def public_url() -> str:
    """Where people open the portal, without a closing slash."""
    return common_settings().public_url.rstrip("/")


def require(process: str) -> None:
    """Load everything that the process will need; raises :class:`NotReady`."""
    of_process.require("SMTP_URL", settings)
    of_process.require("OPERATOR", operator)
    if process == "worker":
        of_process.require("NOTIFICATIONS_PRIVATE_KEY", lambda: check_private_key(settings().private_key))
        of_process.require("DOCUMENTS_URL", document_store)
