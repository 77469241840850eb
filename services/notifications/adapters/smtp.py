"""Hands mails to the mail server: several over one connection, every wait bounded."""

import smtplib
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from email.message import EmailMessage
from typing import Any

from libs.chassis.cut_off import CutOff
from services.notifications.settings import NotificationsSettings

CLOSING, TOO_LARGE = 421, 552


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


class Away(Unreachable):
    """The mail server did not even let us begin: no mail is at fault."""


class _Line(smtplib.SMTP):
    """A connection whose every part ends in time.

    It waits longer for the answer to a whole mail than for any other: who gives up there may have been heard all the
    same, and sends the mail a second time (RFC 5321, 4.5.3.2.6).
    """

    def __init__(self, settings: NotificationsSettings) -> None:
        self.cut_off = CutOff()
        self._acceptance_timeout = settings.smtp_acceptance_timeout
        self._answers_left = 0
        self.cut_off.within(settings.smtp_total)
        try:
            super().__init__(settings.smtp_url.host, settings.smtp_url.port, timeout=settings.smtp_timeout)
        except BaseException:
            self.cut_off.cancel()
            raise

    def data(self, msg: Any) -> tuple[int, bytes]:
        """Hand the mail over: the first answer invites it, the second takes it."""
        self._answers_left = 2
        try:
            return super().data(msg)
        finally:
            self._answers_left = 0

    def getreply(self) -> tuple[int, bytes]:
        """The server's next answer."""
        self.cut_off.guard(self.sock)
        self._answers_left -= 1
        if self._answers_left != 0 or self.sock is None:
            return super().getreply()
        usual = self.sock.gettimeout()
        self.sock.settimeout(self._acceptance_timeout)
        self.cut_off.within(self._acceptance_timeout)
        try:
            return super().getreply()
        finally:
            if self.sock is not None:
                self.sock.settimeout(usual)


class _TlsLine(_Line, smtplib.SMTP_SSL):
    """The same over TLS from the first byte."""

    def __init__(self, settings: NotificationsSettings) -> None:
        self._tls = settings.tls_context()
        super().__init__(settings)

    def _get_socket(self, host: str, port: int, timeout: float) -> socket.socket:
        plain = socket.create_connection((host, port), timeout)
        return self._tls.wrap_socket(plain, server_hostname=host)


class MailServer:
    """One connection to the mail server, opened at the first mail and again after it broke."""

    def __init__(self, settings: NotificationsSettings) -> None:
        self._settings = settings
        self._connection: _Line | None = None

    def send(self, message: EmailMessage, sender: str, recipient: str) -> None:
        """Hand over one mail; raises :class:`Refused`, :class:`PutOff`, :class:`Unreachable` or :class:`Away`."""
        connection = self._connected()
        connection.cut_off.within(self._settings.smtp_total)
        try:
            connection.send_message(message, from_addr=sender, to_addrs=[recipient])
        except smtplib.SMTPRecipientsRefused as error:
            raise self._failed(*error.recipients[recipient]) from None
        except smtplib.SMTPDataError as error:
            raise self._failed(error.smtp_code, error.smtp_error) from None
        except smtplib.SMTPNotSupportedError:
            raise Refused("the mail server does not take addresses outside ASCII") from None
        except smtplib.SMTPSenderRefused as error:
            if error.smtp_code == TOO_LARGE:
                raise Refused(_words(error.smtp_code, error.smtp_error)) from None
            # our own set-up is at fault, not this mail: it is worth waiting for somebody to mend it
            self.close()
            raise Unreachable(f"sender refused: {_words(error.smtp_code, error.smtp_error)}") from None
        except (OSError, smtplib.SMTPException) as error:
            self._drop()
            raise Unreachable(_cause(error)) from None
        finally:
            connection.cut_off.cancel()

    def close(self) -> None:
        """Say goodbye, if there is anybody to hear it."""
        if self._connection is not None:
            with suppress(OSError, smtplib.SMTPException):
                self._connection.cut_off.within(self._settings.smtp_timeout)
                self._connection.quit()
            self._connection.cut_off.cancel()
        self._drop()

    def _drop(self) -> None:
        """Hang up: whoever did not answer a mail would not answer a goodbye either."""
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()

    def _failed(self, code: int, answer: bytes | str) -> Failed:
        words = _words(code, answer)
        if code == CLOSING:
            self._drop()
            return Unreachable(words)
        return (Refused if 500 <= code < 600 else PutOff)(words)

    def _connected(self) -> _Line:
        if self._connection is None:
            try:
                self._connection = self._connect()
            except (OSError, smtplib.SMTPException) as error:
                raise Away(_cause(error)) from None
        return self._connection

    def _connect(self) -> _Line:
        address = self._settings.smtp_url
        connection = (_TlsLine if address.tls == "tls" else _Line)(self._settings)
        try:
            if address.tls == "starttls":
                connection.starttls(context=self._settings.tls_context())
            if address.user:
                connection.login(address.user, self._settings.smtp_password)
        except BaseException:
            connection.close()
            raise
        finally:
            connection.cut_off.cancel()
        return connection


@contextmanager
def mail_server(settings: NotificationsSettings) -> Iterator[MailServer]:
    """The mail server of the settings, for a batch of mails."""
    server = MailServer(settings)
    try:
        yield server
    finally:
        server.close()


def _words(code: int, answer: bytes | str) -> str:
    words = answer.decode("utf-8", "replace") if isinstance(answer, bytes) else answer
    return f"{code} {' '.join(words.split())}"[:300]


def _cause(error: Exception) -> str:
    if isinstance(error, smtplib.SMTPResponseException):
        return _words(error.smtp_code, error.smtp_error)
    return f"mail server not reachable: {str(error) or type(error).__name__}"[:300]
