"""Probes ask others once for all, in time, and name one part alone; a start without its keys says which is missing."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator

import attrs
import pytest

from libs.chassis import health
from libs.chassis.health import Asked, run_chain
from libs.chassis.principal import generate_key_pair
from libs.chassis.settings import NotReady, require
from libs.chassis.waits import ProcessWaits
from libs.messaging import pulses
from libs.messaging.pulses import Pulse, Stuck
from services.identity import settings as identity
from services.mfa import settings as mfa
from services.notifications import settings as notifications
from tests.support.eventually import eventually

WAITS = ProcessWaits(health_check_timeout=0.1, health_keep=0.2, health_keep_bad=0.0, health_stuck_after=0.2)


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(health, "process_waits", lambda: WAITS)
    monkeypatch.setattr(pulses, "process_waits", lambda: WAITS)


def broken() -> None:
    raise ConnectionError("swordfish")


def test_only_the_first_broken_part_is_named() -> None:
    report = run_chain({"broker": lambda: None, "requests": broken, "replies": broken})
    assert report == {"broker": "ok", "requests": "ConnectionError", "replies": "unknown"}


def test_who_hangs_is_told_as_a_timeout_and_asked_by_one_thread_only() -> None:
    let_go, asked = threading.Event(), []

    def hang() -> None:
        asked.append(1)
        let_go.wait(10)

    parts = Asked({"database": hang, "migrations": lambda: None})
    for _ in range(5):
        parts.begin()
        assert parts.report() == {"database": "Timeout", "migrations": "unknown"}
    assert len(asked) == 1
    let_go.set()
    assert eventually(lambda: parts.begin() or parts.report() == {"database": "ok", "migrations": "ok"})


def test_a_good_answer_holds_for_a_while() -> None:
    asked = []
    parts = Asked({"database": lambda: asked.append(1)})
    for _ in range(50):
        parts.begin()
        assert parts.report() == {"database": "ok"}
    assert len(asked) < 5
    assert eventually(lambda: parts.begin() or len(asked) > 1)


def test_a_thread_that_rests_lives_and_one_that_does_not_come_back_is_stuck() -> None:
    pulse = Pulse("relay")
    pulse.check()
    pulse.rest(threading.Event(), 0.01)
    pulse.check()

    def is_stuck() -> bool:
        with pytest.raises(Stuck, match="relay"):
            pulse.check()
        return True

    with pytest.raises(pytest.fail.Exception):
        is_stuck()
    assert eventually(lambda: time.monotonic() - pulse._beaten_at > WAITS.health_stuck_after)
    assert is_stuck()


def test_a_thread_that_ended_is_noticed_at_once() -> None:
    pulse = Pulse("lane-0")
    thread = threading.Thread(target=lambda: None)
    pulse.of(thread)
    pulse.check()  # not begun yet
    thread.start()
    thread.join(5)
    with pytest.raises(Stuck, match="has ended"):
        pulse.check()


def test_a_setting_that_cannot_be_used_is_named_and_its_value_is_not_told() -> None:
    def load() -> None:
        raise ValueError("swordfish")

    with pytest.raises(NotReady, match=r"^SEALING_PUBLIC_KEY cannot be used \(ValueError\)$"):
        require("SEALING_PUBLIC_KEY", load)


@pytest.fixture
def fresh(monkeypatch: pytest.MonkeyPatch) -> Iterator[pytest.MonkeyPatch]:
    """Settings are read once; here they are read anew, and forgotten afterwards."""
    forget()
    yield monkeypatch
    forget()


def forget() -> None:
    for module in (identity, mfa, notifications):
        for name in ("settings", "signer", "sealing_key", "operator", "mfa_settings", "document_store"):
            if hasattr(getattr(module, name, None), "cache_clear"):
                getattr(module, name).cache_clear()


def test_identity_does_not_start_without_its_keys(fresh: pytest.MonkeyPatch) -> None:
    fresh.delenv("IDENTITY_SIGNING_KEY", raising=False)
    with pytest.raises(NotReady, match="not set: IDENTITY_SIGNING_KEY"):
        identity.require("rpc")
    fresh.setenv("IDENTITY_SIGNING_KEY", "/nowhere/key.pem")
    fresh.setenv("SEALING_PUBLIC_KEY", "/nowhere/other.pem")
    with pytest.raises(NotReady, match=r"IDENTITY_SIGNING_KEY cannot be used \(FileNotFoundError\)"):
        identity.require("rpc")
    identity.require("worker")  # it signs and seals nothing


def test_identity_does_not_start_with_a_sealing_key_of_another_kind(fresh: pytest.MonkeyPatch) -> None:
    private, public = generate_key_pair()
    fresh.setenv("IDENTITY_SIGNING_KEY", private)
    fresh.setenv("SEALING_PUBLIC_KEY", public)
    with pytest.raises(NotReady, match="SEALING_PUBLIC_KEY cannot be used"):
        identity.require("rpc")


def test_mfa_does_not_start_without_the_key_to_its_provider(fresh: pytest.MonkeyPatch) -> None:
    fresh.delenv("MFA_PUSH_API_KEY", raising=False)
    with pytest.raises(NotReady, match="MFA_PUSH_API_KEY"):
        mfa.require("worker")
    mfa.require("rpc")


def test_notifications_does_not_start_without_the_key_to_the_secrets(fresh: pytest.MonkeyPatch) -> None:
    fresh.delenv("NOTIFICATIONS_PRIVATE_KEY", raising=False)
    with pytest.raises(NotReady, match="NOTIFICATIONS_PRIVATE_KEY"):
        notifications.require("worker")
    notifications.require("rpc")


def test_the_bounds_are_settings_with_words() -> None:
    fields = {field.name: field for field in attrs.fields(ProcessWaits)}
    assert str(fields["stop_seconds"].metadata["environ_config"].help).startswith("a process that was told to stop")
