"""Fail points: which environment arms them, and that they do nothing otherwise."""

import signal
from pathlib import Path

import pytest

from libs.messaging import fail_points


@pytest.fixture
def kills(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The signals that this process would have sent to itself."""
    sent: list[int] = []
    monkeypatch.setattr("os.kill", lambda _pid, number: sent.append(number))
    return sent


def arm(monkeypatch: pytest.MonkeyPatch, **environment: str) -> None:
    monkeypatch.setattr(fail_points, "_plan", fail_points.plan_of(environment))


@pytest.mark.parametrize("environment", [{}, {"FAIL_AT": ""}, {"FAIL_ONCE_FILE": "/nowhere"}])
def test_nothing_is_armed_where_nobody_asks_for_it(environment: dict[str, str]) -> None:
    assert fail_points.plan_of(environment) is None


def test_a_process_without_a_plan_passes_every_place(monkeypatch: pytest.MonkeyPatch, kills: list[int]) -> None:
    arm(monkeypatch)

    for name in fail_points.NAMES:
        fail_points.reach(name)

    assert kills == []


@pytest.mark.parametrize("wanted", ["relay", "relay.before_publish@0", "relay.before_publish@two", "@3"])
def test_a_place_that_there_is_not_is_refused_at_the_start(wanted: str) -> None:
    with pytest.raises(ValueError, match="names no fail point"):
        fail_points.plan_of({"FAIL_AT": wanted})


def test_the_process_dies_at_the_named_place_alone(monkeypatch: pytest.MonkeyPatch, kills: list[int]) -> None:
    arm(monkeypatch, FAIL_AT="relay.after_publish")

    fail_points.reach("relay.before_publish")
    assert kills == []
    fail_points.reach("relay.after_publish")
    assert kills == [signal.SIGKILL]


def test_the_process_dies_at_the_wanted_visit(monkeypatch: pytest.MonkeyPatch, kills: list[int]) -> None:
    arm(monkeypatch, FAIL_AT="job.after_talk@3")

    seen = []
    for _ in range(4):
        fail_points.reach("job.after_talk")
        seen.append(len(kills))

    assert seen == [0, 0, 1, 1]


def test_the_process_that_is_started_in_its_place_goes_on(
    monkeypatch: pytest.MonkeyPatch, kills: list[int], tmp_path: Path
) -> None:
    for _ in range(2):
        arm(monkeypatch, FAIL_AT="consumer.after_effect", FAIL_ONCE_FILE=str(tmp_path / "died"))
        fail_points.reach("consumer.after_effect")

    assert kills == [signal.SIGKILL]
    assert (tmp_path / "died").exists()
