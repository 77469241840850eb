"""The gateway as it is served: gunicorn, two processes, the real broker."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest
import requests

from tests.support.eventually import eventually
from tests.support.fixtures import TestBroker

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture
def served(broker: TestBroker, tmp_path: Path) -> Iterator[tuple[subprocess.Popen[bytes], str]]:
    """A running gateway and its address."""
    with serving(broker, tmp_path) as running:
        yield running


@contextmanager
def serving(broker: TestBroker, tmp_path: Path, **settings: str) -> Iterator[tuple[subprocess.Popen[bytes], str]]:
    """A gateway with settings of its own."""
    said = tmp_path / "port"
    environment = {
        **os.environ,
        "AMQP_URL": broker.url,
        "DOCUMENTS_URL": f"file://{tmp_path}",
        "GATEWAY_SECRET_KEY": "k" * 40,
        "GATEWAY_BIND": "127.0.0.1:0",
        "PYTHONPATH": str(ROOT),
        **settings,
    }
    command = [
        sys.executable,
        "-m",
        "gunicorn",
        "-c",
        "gateway/gunicorn.conf.py",
        "--log-level",
        "info",
        "gateway.wsgi:app",
    ]
    with said.open("wb") as log:
        process = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=log, stderr=log)  # noqa: S603  our own program
    try:
        eventually(lambda: "Listening at: http://127.0.0.1:" in said.read_text(), 60)
        yield process, said.read_text().partition("Listening at: ")[2].split()[0]
    finally:
        if process.poll() is None:
            process.kill()
        process.wait(timeout=10)


def is_ready(address: str) -> bool:
    try:
        return requests.get(f"{address}/readyz", timeout=5).status_code == 200
    except requests.RequestException:
        return False


def test_it_becomes_ready_shows_the_start_and_stops_when_told(served: tuple[subprocess.Popen[bytes], str]) -> None:
    process, address = served
    eventually(lambda: is_ready(address), 90)

    start = requests.get(f"{address}/", timeout=10)
    assert start.status_code == 200
    assert len(start.headers["X-Correlation-Id"]) == 36
    assert "gateway_request_seconds_count" in requests.get(f"{address}/metrics", timeout=10).text

    process.send_signal(signal.SIGTERM)
    assert process.wait(timeout=20) == 0


def test_a_service_that_is_not_there_is_a_page_that_asks_to_come_back(
    served: tuple[subprocess.Popen[bytes], str],
) -> None:
    _, address = served
    eventually(lambda: is_ready(address), 90)
    answer = requests.get(f"{address}/home", cookies={"session": "a" * 43, "language": "en"}, timeout=10)
    assert answer.status_code == 503
    assert "Please try again in a minute" in answer.text


def connect(address: str) -> socket.socket:
    host, port = address.removeprefix("http://").split(":")
    return socket.create_connection((host, int(port)), timeout=10)


def test_clients_that_say_nothing_hold_no_thread(broker: TestBroker, tmp_path: Path) -> None:
    with serving(broker, tmp_path, GATEWAY_WORKERS="1", GATEWAY_THREADS="2") as (_, address), ExitStack() as silent:
        eventually(lambda: is_ready(address), 90)
        for _ in range(20):
            silent.enter_context(connect(address))
        began = time.monotonic()
        assert requests.get(f"{address}/healthz", timeout=10).status_code == 200
        assert time.monotonic() - began < 4  # a thread of gunicorn's own would wait five seconds for each


def test_a_client_that_stops_in_the_middle_is_let_go(broker: TestBroker, tmp_path: Path) -> None:
    settings = {"GATEWAY_WORKERS": "1", "GATEWAY_THREADS": "1", "GATEWAY_CLIENT_TIMEOUT": "0.5"}
    with serving(broker, tmp_path, **settings) as (_, address):
        eventually(lambda: is_ready(address), 90)
        with connect(address) as half_a_head, connect(address) as half_a_body:
            half_a_head.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n")
            head = b"POST /sign-in HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-www-form-urlencoded\r\n"
            half_a_body.sendall(head + b"Content-Length: 100\r\n\r\nlogin=")
            assert requests.get(f"{address}/healthz", timeout=10).status_code == 200
            assert half_a_head.recv(100) == b""
            assert half_a_body.recv(12) in (b"", b"HTTP/1.1 400")
