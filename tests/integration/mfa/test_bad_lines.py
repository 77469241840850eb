"""The line to the push provider slow, cut, mute or dead: every call ends in time, and the circuit opens and closes."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from libs.chassis.metrics import REGISTRY
from services.mfa.adapters.evrotrust import Evrotrust
from services.mfa.adapters.push import NotReached, ProviderFailed, Standing, Unknown
from tests.faults.proxy import Proxy, Way, Weather
from tests.integration.mfa.desk import PHONE, settings_for
from tests.simulators.push_app.app import PushApp
from tests.simulators.push_app.behaviour import Fault
from tests.support.eventually import eventually

PATIENCE = {"MFA_CONNECT_TIMEOUT": "0.4", "MFA_READ_TIMEOUT": "0.4"}
WHOLE = 0.8
SLACK = 2.0


@pytest.fixture
def way(push_app: PushApp) -> Iterator[Proxy]:
    """The way to the provider."""
    with Proxy(("127.0.0.1", push_app.server.port)) as proxy:
        yield proxy


def client(way: Proxy, push_app: PushApp, **changes: str) -> Evrotrust:
    address = f"http://127.0.0.1:{way.port}/vendor"
    return Evrotrust(settings_for(push_app, MFA_PUSH_URL=address, **PATIENCE, **changes))


@pytest.mark.parametrize(
    ("weather", "failure", "reason"),
    [
        (Weather(latency=2.0), Unknown, "timeout"),
        (Weather(bytes_per_second=20), Unknown, "timeout"),
        (Weather(way=Way.HALF_OPEN), Unknown, "timeout"),
        (Weather(way=Way.BLACK_HOLE), Unknown, "timeout"),
        (Weather(way=Way.RESET), ProviderFailed, "connection_lost or refused"),
        (Weather(cut_after=60), Unknown, "connection_lost"),
        (Weather(way=Way.REFUSE), NotReached, "refused"),
    ],
    ids=["slow", "dripping", "half open", "black hole", "reset", "cut off", "refused"],
)
def test_a_bad_line_is_a_failure_in_time_and_no_answer(
    way: Proxy, push_app: PushApp, weather: Weather, failure: type[ProviderFailed], reason: str
) -> None:
    ours = client(way, push_app)
    way.behave(weather)
    began = time.monotonic()
    with pytest.raises(failure) as failed:
        ours.send(PHONE, "x", datetime.now(UTC) + timedelta(minutes=5))
    assert failed.value.reason in reason.split(" or ")  # a reset may come while connecting
    assert time.monotonic() - began < WHOLE + SLACK


@pytest.mark.parametrize("stands", [True, False], ids=["on a line that stands", "on a new line"])
def test_a_line_that_goes_dead_in_the_middle_is_used_again_when_it_is_back(
    way: Proxy, push_app: PushApp, *, stands: bool
) -> None:
    ours = client(way, push_app)
    if stands:
        assert ours.standing_of(PHONE) == Standing.READY
    way.behave(Weather(way=Way.BLACK_HOLE))
    with pytest.raises(Unknown):
        ours.standing_of(PHONE)
    way.behave()
    assert ours.standing_of(PHONE) == Standing.READY


def test_the_circuit_opens_holds_calls_back_and_closes_by_one_call_that_succeeds(way: Proxy, push_app: PushApp) -> None:
    ours = client(way, push_app, MFA_CIRCUIT_FAILURES="3", MFA_CIRCUIT_REST="0.5")
    opened = REGISTRY.get_sample_value("mfa_provider_circuit_opened_total") or 0
    push_app.provider.faults.append(Fault(path="/user/check", times=4, status=500, body="<html>"))
    for _ in range(3):
        with pytest.raises(Unknown):
            ours.standing_of(PHONE)
    assert REGISTRY.get_sample_value("mfa_provider_circuit_opened_total") == opened + 1
    assert REGISTRY.get_sample_value("mfa_provider_circuit_open") == 1

    calls = way.accepted, len(push_app.provider.requests)
    with pytest.raises(NotReached, match="circuit_open"):
        ours.standing_of(PHONE)
    assert (way.accepted, len(push_app.provider.requests)) == calls

    # the call that tries fails, and the circuit stays open; the next one succeeds
    eventually(lambda: _tried(ours) == "status_500", timeout=5)
    assert _tried(ours) == "circuit_open"
    assert REGISTRY.get_sample_value("mfa_provider_circuit_opened_total") == opened + 1
    eventually(lambda: _tried(ours) == Standing.READY, timeout=5)
    assert REGISTRY.get_sample_value("mfa_provider_circuit_open") == 0


def _tried(ours: Evrotrust) -> str:
    try:
        return ours.standing_of(PHONE)
    except ProviderFailed as failure:
        return failure.reason
