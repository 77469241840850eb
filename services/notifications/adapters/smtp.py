"""Hands mails to the mail server: several over one connection, every wait bounded."""

import smtplib
import socket
import ssl
import threading
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
        self._socket: socket.socket | None = None

    def send(self, message: EmailMessage, sender: str, recipient: str) -> None:
        """Hand over one mail; raises :class:`Refused`, :class:`PutOff` or :class:`Unreachable`."""
        # a server that says a word now and then keeps every single wait, but not the sum of them
        watchdog = threading.Timer(self._settings.smtp_total, self._cut)
        watchdog.daemon = True
        watchdog.start()
        try:
            self._hand_over(message, sender, recipient)
        finally:
            watchdog.cancel()

    def _cut(self) -> None:
        if self._socket is not None:
            with suppress(OSError):
                self._socket.shutdown(socket.SHUT_RDWR)

    def _hand_over(self, message: EmailMessage, sender: str, recipient: str) -> None:
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
        noted = self._note
        if address.tls == "tls":

            class Encrypted(smtplib.SMTP_SSL):
                def _get_socket(self, host: str, port: int, timeout: float) -> socket.socket:
                    return noted(super()._get_socket(host, port, timeout))  # type: ignore[misc]  # typeshed leaves it out

            context: ssl.SSLContext = self._settings.tls_context()
            connection: smtplib.SMTP = Encrypted(address.host, address.port, timeout=timeout, context=context)
        else:

            class Plain(smtplib.SMTP):
                def _get_socket(self, host: str, port: int, timeout: float) -> socket.socket:
                    return noted(super()._get_socket(host, port, timeout))  # type: ignore[misc]  # typeshed leaves it out

            connection = Plain(address.host, address.port, timeout=timeout)
        try:
            if address.tls == "starttls":
                connection.starttls(context=self._settings.tls_context())
            if address.user:
                connection.login(address.user, self._settings.smtp_password)
        except BaseException:
            connection.close()
            raise
        return connection

    def _note(self, opened: socket.socket) -> socket.socket:
        """Keep the socket in sight: its greeting comes while there is no connection object yet."""
        self._socket = opened
        return opened


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
