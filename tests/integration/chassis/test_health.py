"""Probes answer what is true."""

import json
import urllib.error
import urllib.request
from collections.abc import Iterator

import pytest

from libs.chassis.health import HealthServer


class Part:
    """A thing the process needs."""

    broken = False

    def check(self) -> None:
        if self.broken:
            raise ConnectionError("password=swordfish")


@pytest.fixture
def part() -> Part:
    return Part()


@pytest.fixture
def server(part: Part) -> Iterator[HealthServer]:
    server = HealthServer(0, readiness={"broker": part.check})
    server.start()
    yield server
    server.stop()


def get(server: HealthServer, path: str) -> tuple[int, str]:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{server.port}{path}", timeout=2) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


def test_ready_while_every_part_works(server: HealthServer) -> None:
    status, body = get(server, "/readyz")
    assert (status, json.loads(body)) == (200, {"broker": "ok"})


def test_not_ready_without_a_part_and_its_trouble_stays_inside(server: HealthServer, part: Part) -> None:
    part.broken = True
    status, body = get(server, "/readyz")
    assert status == 503
    assert json.loads(body) == {"broker": "ConnectionError"}
    assert "swordfish" not in body


def test_alive_does_not_depend_on_others(server: HealthServer, part: Part) -> None:
    part.broken = True
    assert get(server, "/healthz")[0] == 200


def test_metrics_are_served(server: HealthServer) -> None:
    status, body = get(server, "/metrics")
    assert status == 200
    assert "python_info" in body


def test_another_address_is_not_found(server: HealthServer) -> None:
    assert get(server, "/etc/passwd")[0] == 404
