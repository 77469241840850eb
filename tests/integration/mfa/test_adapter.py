"""The client of Evrotrust's API where a plain answer is not what comes back."""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta

import pytest

from services.mfa.adapters.circuit import Circuit
from services.mfa.adapters.evrotrust import Evrotrust
from services.mfa.adapters.push import Answer, NotAuthorised, NotReached, Refused, Standing, Unknown, UnknownPerson
from tests.integration.mfa.desk import PHONE, settings_for
from tests.simulators.push_app.app import PushApp
from tests.simulators.push_app.behaviour import Fault

Line = Callable[[socket.socket], None]


@pytest.fixture
def speak() -> Iterator[Callable[[Line], str]]:
    """Starts a listener that says one thing to whoever calls, and gives its address."""
    listeners: list[socket.socket] = []

    def start(say: Line) -> str:
        listener = socket.create_server(("127.0.0.1", 0))
        listeners.append(listener)

        def serve() -> None:
            try:
                line, _ = listener.accept()
            except OSError:
                return
            with line:
                line.settimeout(10)
                line.recv(65_536)
                say(line)

        threading.Thread(target=serve, daemon=True).start()
        return f"127.0.0.1:{listener.getsockname()[1]}"

    yield start
    for listener in listeners:
        listener.close()


def client(push_app: PushApp, **changes: str) -> Evrotrust:
    return Evrotrust(settings_for(push_app, **changes), Circuit(limit=50))


def in_five_minutes() -> datetime:
    return datetime.now(UTC) + timedelta(minutes=5)


def test_a_whole_conversation(push_app: PushApp) -> None:
    ours = client(push_app)
    assert ours.standing_of(PHONE) == Standing.READY
    receipt = ours.send(PHONE, "Портал: код 47", in_five_minutes())
    assert ours.look(receipt.transaction_id).answer == Answer.WAITING
    assert ours.withdraw(receipt.thread_id) is True
    assert ours.withdraw(receipt.thread_id) is True  # withdrawn already
    assert ours.look(receipt.transaction_id).answer == Answer.WITHDRAWN


def test_an_answered_push_cannot_be_withdrawn(push_app: PushApp) -> None:
    ours = client(push_app)
    receipt = ours.send(PHONE, "x", in_five_minutes())
    push_app.provider.settle(push_app.provider.pushes[receipt.transaction_id], 2)
    assert ours.withdraw(receipt.thread_id) is False


def test_what_is_not_there_is_not_found(push_app: PushApp) -> None:
    assert client(push_app).look("000000000000").answer == Answer.NOT_FOUND
    assert client(push_app).withdraw("000000000000") is False


def test_a_push_to_a_stranger_is_told_apart(push_app: PushApp) -> None:
    with pytest.raises(UnknownPerson):
        client(push_app).send("+359880000099", "x", in_five_minutes())


def test_a_wrong_key_is_told_apart(push_app: PushApp) -> None:
    with pytest.raises(NotAuthorised):
        client(push_app, MFA_PUSH_API_KEY="wrong").standing_of(PHONE)


def test_a_key_to_encrypt_to_is_made_up_where_none_is_set(push_app: PushApp) -> None:
    ours = client(push_app, MFA_PUSH_PUBLIC_KEY="")
    assert ours.send(PHONE, "x", in_five_minutes()).transaction_id


def test_a_description_that_is_too_long_is_cut(push_app: PushApp) -> None:
    receipt = client(push_app).send(PHONE, "я" * 5_000, in_five_minutes())
    assert len(push_app.provider.pushes[receipt.transaction_id].description) == 4_000


@pytest.mark.parametrize(
    ("status", "kind", "reason"),
    [
        (400, Refused, "status_400"),
        (401, NotAuthorised, "unauthorised"),
        (432, Refused, "status_432"),
        (438, UnknownPerson, "no_person"),
        (448, Refused, "status_448"),
        (449, Refused, "status_449"),
        (450, Refused, "status_450"),
        (454, Refused, "status_454"),
        (457, Refused, "status_457"),
        (468, Refused, "status_468"),
        (469, Refused, "try_later"),
        (479, Refused, "status_479"),
        (485, Refused, "status_485"),
        (500, Unknown, "status_500"),
        (599, Unknown, "status_599"),
        (204, Unknown, "status_204"),
        (307, Unknown, "status_307"),
    ],
)
def test_every_status_code_has_its_meaning(push_app: PushApp, status: int, kind: type[Exception], reason: str) -> None:
    push_app.provider.faults.append(Fault(path="/document/auth/online", status=status, body="Something plain"))
    with pytest.raises(kind) as failure:
        client(push_app).send(PHONE, "x", in_five_minutes())
    assert str(failure.value) == reason


def test_a_withdrawal_s_unknown_answer_proves_nothing(push_app: PushApp) -> None:
    push_app.provider.faults.append(Fault(path="/document/withdraw", status=200, body='{"status": 7}'))
    with pytest.raises(Unknown):
        client(push_app).withdraw("717E5CE5D1E6")


def test_a_redirect_is_not_followed_with_our_signature(push_app: PushApp, speak: Callable[[Line], str]) -> None:
    heard = threading.Event()
    elsewhere = speak(lambda line: heard.set())
    answer = f"HTTP/1.1 307 X\r\nLocation: http://{elsewhere}/\r\nContent-Length: 0\r\n\r\n".encode()
    here = speak(lambda line: line.sendall(answer))
    with pytest.raises(Unknown):
        client(push_app, MFA_PUSH_URL=f"http://{here}/vendor").standing_of(PHONE)
    assert not heard.is_set()


@pytest.mark.parametrize(
    "say",
    [
        lambda line: None,
        lambda line: line.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{"),
        lambda line: line.sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n"),
        lambda line: line.sendall(b"SSH-2.0-something\r\n"),
        lambda line: line.sendall(b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 4\r\n\r\nnope"),
    ],
    ids=["hangs up", "half a body", "broken chunks", "not http", "broken compression"],
)
def test_a_broken_answer_leaves_open_whether_it_was_done(
    push_app: PushApp, speak: Callable[[Line], str], say: Line
) -> None:
    with pytest.raises(Unknown) as failure:
        client(push_app, MFA_PUSH_URL=f"http://{speak(say)}/vendor").send(PHONE, "x", in_five_minutes())
    assert failure.value.perhaps_done


def test_an_answer_that_drips_is_left(push_app: PushApp, speak: Callable[[Line], str]) -> None:
    done = threading.Event()

    def drip(line: socket.socket) -> None:
        line.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 60000\r\n\r\n")
        while not done.wait(0.1):
            try:
                line.sendall(b" " * 9_000)
            except OSError:
                return

    with pytest.raises(Unknown):
        client(push_app, MFA_PUSH_URL=f"http://{speak(drip)}/vendor").standing_of(PHONE)
    done.set()


def test_nobody_listening_means_nothing_was_sent(push_app: PushApp) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    with pytest.raises(NotReached) as failure:
        client(push_app, MFA_PUSH_URL=f"http://127.0.0.1:{port}/vendor").send(PHONE, "x", in_five_minutes())
    assert not failure.value.perhaps_done


def test_speaking_tls_to_somebody_who_does_not_proves_nothing(push_app: PushApp, speak: Callable[[Line], str]) -> None:
    here = speak(lambda line: line.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n"))
    with pytest.raises(Unknown):
        client(push_app, MFA_PUSH_URL=f"https://{here}/vendor").standing_of(PHONE)


def test_a_certificate_of_somebody_else_gets_no_request(push_app: PushApp, self_signed: ssl.SSLContext) -> None:
    listener = socket.create_server(("127.0.0.1", 0))
    heard: list[bytes] = []

    def serve() -> None:
        line, _ = listener.accept()
        try:
            with self_signed.wrap_socket(line, server_side=True) as secure:
                heard.append(secure.recv(10))
        except OSError:
            line.close()

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    with pytest.raises(NotReached) as failure:
        client(push_app, MFA_PUSH_URL=f"https://127.0.0.1:{listener.getsockname()[1]}/vendor").standing_of(PHONE)
    thread.join(10)
    listener.close()
    assert failure.value.reason == "certificate"
    assert b"".join(heard) == b""


@pytest.fixture
def self_signed(tmp_path_factory: pytest.TempPathFactory) -> ssl.SSLContext:
    """A server's context with a certificate that nobody trusts."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.x509.oid import NameOID

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .sign(key, hashes.SHA256())
    )
    file = tmp_path_factory.mktemp("tls") / "both.pem"
    file.write_bytes(
        certificate.public_bytes(serialization.Encoding.PEM)
        + key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(file)
    return context
