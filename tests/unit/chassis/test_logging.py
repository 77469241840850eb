"""Logs carry the service and the correlation id and hide what is secret."""

import json
import logging
from collections.abc import Iterator

import pytest
import structlog

from libs.chassis import logging as logs


@pytest.fixture
def output(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Iterator[pytest.CaptureFixture[str]]:
    monkeypatch.setenv("LOG_FORMAT", "json")
    before = logging.getLogger().handlers
    yield capsys
    logging.getLogger().handlers = before
    structlog.reset_defaults()


def last_line(output: pytest.CaptureFixture[str]) -> dict[str, object]:
    line: dict[str, object] = json.loads(output.readouterr().out.strip().splitlines()[-1])
    return line


def test_a_line_names_the_service_and_the_deed_it_belongs_to(output: pytest.CaptureFixture[str]) -> None:
    logs.configure("orders")
    token = logs.correlation_id.set("c-1")
    try:
        logs.get_logger().info("order placed", order_number="2026-000147")
    finally:
        logs.correlation_id.reset(token)
    line = last_line(output)
    assert line["service"] == "orders"
    assert line["correlation_id"] == "c-1"
    assert line["order_number"] == "2026-000147"


@pytest.mark.parametrize("name", ["password", "session_token", "api_secret", "email", "phone", "login"])
def test_secrets_and_personal_data_are_hidden(output: pytest.CaptureFixture[str], name: str) -> None:
    logs.configure("orders")
    logs.get_logger().warning("something", **{name: "swordfish"})
    assert last_line(output)[name] == "<hidden>"


def test_a_block_belongs_to_the_deed_it_is_told_and_to_the_one_before_afterwards() -> None:
    with logs.correlated("c-1"):
        with logs.correlated("c-2"):
            assert logs.correlation_id.get() == "c-2"
        with logs.correlated(None):
            assert logs.correlation_id.get() == "c-1"
    assert logs.correlation_id.get() is None
