"""Hands mails to the mail server: several over one connection, every wait bounded."""

import smtplib
import ssl
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from email.message import EmailMessage

from services.notifications.settings import NotificationsSettings


class Failed(Exception):
    """The mail was not taken over; ``reason`` is what staff read."""

    def __init__(self, reason: str) -> None:
        self.reason = reason
        super().__init__(reason)


class Refused(Failed):
    """This mail will never be taken over."""


class PutOff(Failed):
    """The mail server asks to come again later."""


class Unreachable(Failed):
    """There is no talking to the mail server now; other mails would fare no better."""


class MailServer:
    """One connection to the mail server, opened at the first mail and again after it broke."""

    def __init__(self, settings: NotificationsSettings) -> None:
        self._settings = settings
        self._connection: smtplib.SMTP | None = None

    def send(self, message: EmailMessage, sender: str, recipient: str) -> None:
        """Hand over one mail; raises :class:`Refused`, :class:`PutOff` or :class:`Unreachable`."""
        connection = self._connected()
        try:
            connection.send_message(message, from_addr=sender, to_addrs=[recipient])
        except smtplib.SMTPRecipientsRefused as error:
            code, answer = error.recipients[recipient]
            raise _failed(code, answer) from None
        except smtplib.SMTPDataError as error:
            raise _failed(error.smtp_code, error.smtp_error) from None
        except smtplib.SMTPNotSupportedError:
            raise Refused("the mail server does not take addresses outside ASCII") from None
        except smtplib.SMTPSenderRefused as error:
            # our own set-up is at fault, not this mail: it is worth waiting for somebody to mend it
            self.close()
            raise Unreachable(f"sender refused: {_words(error.smtp_code, error.smtp_error)}") from None
        except (OSError, smtplib.SMTPException) as error:
            self.close()
            raise Unreachable(_cause(error)) from None

    def close(self) -> None:
        """Say goodbye, if there is anybody to hear it."""
        connection, self._connection = self._connection, None
        if connection is not None:
            with suppress(OSError, smtplib.SMTPException):
                connection.quit()
            connection.close()

    def _connected(self) -> smtplib.SMTP:
        if self._connection is None:
            try:
                self._connection = self._connect()
            except (OSError, smtplib.SMTPException) as error:
                raise Unreachable(_cause(error)) from None
        return self._connection

    def _connect(self) -> smtplib.SMTP:
        address, timeout = self._settings.smtp_url, self._settings.smtp_timeout
        if address.tls == "tls":
            context: ssl.SSLContext = self._settings.tls_context()
            connection: smtplib.SMTP = smtplib.SMTP_SSL(address.host, address.port, timeout=timeout, context=context)
        else:
            connection = smtplib.SMTP(address.host, address.port, timeout=timeout)
        try:
            if address.tls == "starttls":
                connection.starttls(context=self._settings.tls_context())
            if address.user:
                connection.login(address.user, self._settings.smtp_password)
        except BaseException:
            connection.close()
            raise
        return connection


@contextmanager
def mail_server(settings: NotificationsSettings) -> Iterator[MailServer]:
    """The mail server of the settings, for a batch of mails."""
    server = MailServer(settings)
    try:
        yield server
    finally:
        server.close()


def _failed(code: int, answer: bytes | str) -> Failed:
    kind = Refused if 500 <= code < 600 else PutOff
    return kind(_words(code, answer))


def _words(code: int, answer: bytes | str) -> str:
    words = answer.decode("utf-8", "replace") if isinstance(answer, bytes) else answer
    return f"{code} {' '.join(words.split())}"[:300]


def _cause(error: Exception) -> str:
    if isinstance(error, smtplib.SMTPResponseException):
        return _words(error.smtp_code, error.smtp_error)
    return f"mail server not reachable: {str(error) or type(error).__name__}"[:300]
