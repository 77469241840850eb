"""Talking to mail servers as they are: encrypted, with a password, moody."""

from __future__ import annotations

import asyncio
import contextlib
import select
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import environ
import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult, LoginPassword
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.x509.oid import NameOID

from deploy.local.machine import free_port
from services.notifications.adapters.smtp import Away, PutOff, Refused, Unreachable, mail_server
from services.notifications.settings import NotificationsSettings
from tests.faults.proxy import Proxy, Way, Weather


class Moody:
    """Answers at each step as it is told; keeps what it took."""

    def __init__(self, *, patience: float = 0.0, **answers: str) -> None:
        self.answers = answers
        self.patience = patience
        self.taken: list[bytes] = []

    async def handle_MAIL(self, _server: Any, _session: Any, envelope: Any, address: str, _options: Any) -> str:
        if "MAIL" not in self.answers:
            envelope.mail_from = address
        return self.answers.get("MAIL", "250 OK")

    async def handle_RCPT(self, _server: Any, _session: Any, envelope: Any, address: str, _options: Any) -> str:
        if "RCPT" not in self.answers:
            envelope.rcpt_tos.append(address)
        return self.answers.get("RCPT", "250 OK")

    async def handle_DATA(self, _server: Any, _session: Any, envelope: Any) -> str:
        self.taken.append(envelope.content)
        await asyncio.sleep(self.patience)
        return self.answers.get("DATA", "250 OK")


@contextmanager
def serving(handler: Moody, **how: Any) -> Iterator[Controller]:
    controller = Controller(handler, hostname="127.0.0.1", port=free_port(), **how)
    controller.start()
    try:
        yield controller
    finally:
        controller.stop()


def send(url: str, **environment: str) -> None:
    message = EmailMessage()
    message["From"], message["To"], message["Subject"] = "a@portal.example", "b@broker.example", "Тема"
    message.set_content("Текст")
    settings = environ.to_config(NotificationsSettings, {"SMTP_URL": url, "SMTP_TIMEOUT": "5", **environment})
    with mail_server(settings) as server:
        server.send(message, "a@portal.example", "b@broker.example")


@pytest.mark.parametrize(
    ("answers", "failure", "reason"),
    [
        ({"RCPT": "550 5.1.1 No such mailbox"}, Refused, "550 5.1.1 No such mailbox"),
        ({"RCPT": "450 4.2.1 Mailbox busy"}, PutOff, "450 4.2.1 Mailbox busy"),
        ({"DATA": "554 5.7.1 Spam"}, Refused, "554 5.7.1 Spam"),
        ({"DATA": "452 4.3.1 Disk full"}, PutOff, "452 4.3.1 Disk full"),
        ({"MAIL": "553 5.7.1 Not your address"}, Unreachable, "sender refused: 553 5.7.1 Not your address"),
        ({"MAIL": "552 5.3.4 Too large"}, Refused, "552 5.3.4 Too large"),
        ({"MAIL": "451 4.3.0 Not now"}, Unreachable, "sender refused: 451 4.3.0 Not now"),
        ({"RCPT": "421 4.3.2 Closing"}, Unreachable, "421 4.3.2 Closing"),
        ({"DATA": "421 4.3.2 Closing"}, Unreachable, "421 4.3.2 Closing"),
    ],
    ids=[
        "recipient refused",
        "recipient put off",
        "content refused",
        "content put off",
        "sender refused",
        "too large",
        "sender put off",
        "closing at the recipient",
        "closing at the content",
    ],
)
def test_each_refusal_is_told_apart(answers: dict[str, str], failure: type[Exception], reason: str) -> None:
    with serving(Moody(**answers)) as server, pytest.raises(failure) as refusal:
        send(f"smtp://127.0.0.1:{server.port}")

    assert refusal.value.reason == reason


def test_nobody_there_is_away() -> None:
    with pytest.raises(Away, match="mail server not reachable"):
        send("smtp://127.0.0.1:1")


def test_a_server_that_accepts_and_is_mute_is_away() -> None:
    with serving(Moody()) as server, Proxy(("127.0.0.1", server.port)) as proxy:
        proxy.behave(Weather(way=Way.HALF_OPEN))
        began = time.monotonic()
        with pytest.raises(Away):
            send(f"smtp://127.0.0.1:{proxy.port}", SMTP_TIMEOUT="0.5")
        assert time.monotonic() - began < 3


def test_the_answer_to_a_whole_mail_is_waited_for_longer_than_any_other() -> None:
    post = Moody(patience=1.0)
    with serving(post) as server:
        send(f"smtp://127.0.0.1:{server.port}", SMTP_TIMEOUT="0.3", SMTP_TOTAL="0.9")
        assert len(post.taken) == 1
        with pytest.raises(Unreachable):
            send(f"smtp://127.0.0.1:{server.port}", SMTP_TIMEOUT="0.3", SMTP_ACCEPTANCE_TIMEOUT="0.5")


def test_a_server_that_says_a_byte_now_and_then_is_not_listened_to_for_ever() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def drip() -> None:
            connection, _ = listener.accept()
            with connection, contextlib.suppress(OSError):
                for _ in range(200):
                    connection.sendall(b"2")
                    if select.select([connection], [], [], 0.1)[0] and not connection.recv(1):
                        return

        dripping = threading.Thread(target=drip, daemon=True)
        dripping.start()
        began = time.monotonic()
        with pytest.raises(Unreachable):
            send(f"smtp://127.0.0.1:{listener.getsockname()[1]}", SMTP_TOTAL="0.5")
        assert time.monotonic() - began < 3
        dripping.join(5)


# --- encryption and passwords -----------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A certificate of 127.0.0.1 with its key, signed by itself."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, SHA256())
    )
    path = tmp_path_factory.mktemp("tls") / "server.pem"
    path.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        + made.public_bytes(serialization.Encoding.PEM)
    )
    return path


def tls(certificate: Path) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    return context


def only(user: str, password: str) -> Callable[..., AuthResult]:
    def check(_server: Any, _session: Any, _envelope: Any, _mechanism: str, data: Any) -> AuthResult:
        right = isinstance(data, LoginPassword) and (data.login, data.password) == (user.encode(), password.encode())
        return AuthResult(success=right, handled=False)

    return check


def test_the_line_is_encrypted_and_the_password_given_where_the_settings_say_so(certificate: Path) -> None:
    post = Moody()
    how = {
        "tls_context": tls(certificate),
        "require_starttls": True,
        "authenticator": only("portal", "hush"),
        "auth_required": True,
    }
    with serving(post, **how) as server:
        url = f"smtp://portal@127.0.0.1:{server.port}?tls=starttls"
        send(url, SMTP_PASSWORD="hush", SMTP_CA_FILE=str(certificate))
        with pytest.raises(Unreachable, match="535"):
            send(url, SMTP_PASSWORD="wrong", SMTP_CA_FILE=str(certificate))

    assert len(post.taken) == 1


def test_a_server_that_speaks_tls_from_the_first_byte_is_spoken_to_so(certificate: Path) -> None:
    post = Moody()
    with serving(post, ssl_context=tls(certificate)) as server:
        send(f"smtps://127.0.0.1:{server.port}", SMTP_CA_FILE=str(certificate))

    assert len(post.taken) == 1


def test_a_server_whose_certificate_nobody_vouches_for_gets_no_mail(certificate: Path) -> None:
    post = Moody()
    with serving(post, tls_context=tls(certificate)) as server, pytest.raises(Unreachable, match="certificate"):
        send(f"smtp://127.0.0.1:{server.port}?tls=starttls")

    assert post.taken == []


def test_a_server_without_encryption_gets_no_mail_where_encryption_is_asked_for() -> None:
    post = Moody()
    with serving(post) as server, pytest.raises(Unreachable, match="STARTTLS"):
        send(f"smtp://127.0.0.1:{server.port}?tls=starttls")

    assert post.taken == []
