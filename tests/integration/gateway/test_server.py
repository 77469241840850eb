"""The gateway as it is served: gunicorn, two processes, the real broker."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from tests.support.eventually import eventually
from tests.support.fixtures import TestBroker

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture
def served(broker: TestBroker, tmp_path: Path) -> Iterator[tuple[subprocess.Popen[bytes], str]]:
    """A running gateway and its address."""
    socket = tmp_path / "port"
    environment = {
        **os.environ,
        "AMQP_URL": broker.url,
        "DOCUMENTS_URL": f"file://{tmp_path}",
        "GATEWAY_SECRET_KEY": "k" * 40,
        "GATEWAY_BIND": "127.0.0.1:0",
        "PYTHONPATH": str(ROOT),
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
    with socket.open("wb") as log:
        process = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=log, stderr=log)  # noqa: S603  our own program
    try:
        eventually(lambda: "Listening at: http://127.0.0.1:" in socket.read_text(), 30)
        yield process, socket.read_text().partition("Listening at: ")[2].split()[0]
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
    eventually(lambda: is_ready(address), 30)

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
    eventually(lambda: is_ready(address), 30)
    answer = requests.get(f"{address}/home", cookies={"session": "a" * 43, "language": "en"}, timeout=10)
    assert answer.status_code == 503
    assert "Please try again in a minute" in answer.text
