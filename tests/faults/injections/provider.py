"""The push provider slow, failing, cut off, mute, or telling its callbacks wrong: sign-ins end, other pages go on."""

from __future__ import annotations

import contextlib
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Any

import requests

from deploy.local.machine import HOST, wait_until
from tests.faults.client import NeverAnswered, Stopped
from tests.faults.injections import Fault
from tests.faults.prober import Prober
from tests.faults.proxy import Proxy, Way, Weather
from tests.faults.signing_in import Who
from tests.faults.stage import Stage

CALLS_TO_OPEN = 10
OPENS_WITHIN = 40.0
"""Seconds: enough for the failures in a row that open the circuit, at the pace of a few people."""
CLOSES_WITHIN = 25.0
LONGEST_PAGE = 7.0
SLOW_SECONDS = 4.0
PROBED = ("/me",)
PEOPLE = 2
PAUSE = 0.5
SECONDS_TO_END = 60.0
LONGEST_WORD = 10.0
TOLD = ("unavailable", "withheld")
"""Ends for which the portal has a page that says what to do; withheld: a push may be on the phone, unanswered."""

BAD_ANSWERS: Mapping[str, dict[str, Any]] = {
    "500": {"status": 500, "body": "Internal Server Error"},
    "garbage": {"status": 200, "body": '{"status": <html>\\x00\\xff', "content_type": "application/json"},
}
BAD_LINES: Mapping[str, Weather] = {
    "reset": Weather(way=Way.RESET),
    "half open": Weather(way=Way.HALF_OPEN),
    "cut in an answer": Weather(cut_after=80),
}
BAD_CALLBACKS: Mapping[str, dict[str, Any]] = {
    "callbacks lost": {"callback_lost": True},
    "callbacks doubled and late": {"callback_copies": 3, "callback_delay_seconds": 1.0},
    "callbacks out of order": {"callback_out_of_order": True, "callback_copies": 2},
}


def failing(stage: Stage) -> None:
    """500, garbage, connections reset, never answered, cut in an answer: the circuit opens, and closes afterwards."""
    _let_in(stage)
    answers = dict(list(BAD_ANSWERS.items())[:1]) if stage.short else BAD_ANSWERS
    for name, answer in answers.items():
        with _others_go_on(stage):
            with _failing(stage, answer):
                _opens(stage, name, lambda: len(requests.get(f"{stage.provider}/requests", timeout=10).json()))
            _closes(stage, name)
    if not stage.short:
        _bad_lines(stage)


def _bad_lines(stage: Stage) -> None:
    with (
        Proxy((HOST, stage.running.stack.ports.push_app)) as way,
        stage.with_environment("mfa-worker", MFA_PUSH_URL=f"http://{HOST}:{way.port}/vendor"),
    ):
        for name, weather in BAD_LINES.items():
            with _others_go_on(stage):
                way.behave(weather)
                _opens(stage, name, partial(_accepted, way, since=way.accepted))
                way.behave()
                _closes(stage, name)


def odd(stage: Stage) -> None:
    """Answers four seconds late; callbacks lost, doubled, late, out of order: sign-ins end well all the same.

    A callback is a hint, and the answer is looked up.
    """
    _let_in(stage)
    ways = {"slow answers": {"answer_seconds": SLOW_SECONDS}, **BAD_CALLBACKS}
    for name, behaviour in ways.items():
        with _others_go_on(stage), _behaving(stage, **behaviour):
            state, seconds = _one_sign_in(stage)
            stage.log(f"{name}: a sign-in ended as {state} after {seconds:.1f} s")
            assert state == "completed", f"{name}: a sign-in ended as {state}"
            if "callback_copies" in behaviour:
                stage.rest(2.0)  # the late copies and the stale word come after the end


@contextlib.contextmanager
def _others_go_on(stage: Stage) -> Iterator[None]:
    with Prober(f"{stage.gateway}/api/v1", PROBED, stage.tokens.manager) as prober:
        yield
    prober.check(longest=LONGEST_PAGE, refused=False)
    others = {status: count for status, count in prober.statuses().items() if status != 200}
    assert not others, f"other pages were answered {prober.statuses()}"


@contextlib.contextmanager
def _failing(stage: Stage, answer: Mapping[str, Any]) -> Iterator[None]:
    """Every request to the vendor's API is answered so while the block lasts."""
    requests.delete(f"{stage.provider}/requests", timeout=10).raise_for_status()
    plan = {"path": "/vendor/", "times": -1, **answer}
    requests.post(f"{stage.provider}/faults", json=plan, timeout=10).raise_for_status()
    try:
        yield
    finally:
        requests.delete(f"{stage.provider}/faults", timeout=10).raise_for_status()


@contextlib.contextmanager
def _behaving(stage: Stage, **behaviour: Any) -> Iterator[None]:
    requests.patch(f"{stage.provider}/behaviour", json=behaviour, timeout=10).raise_for_status()
    try:
        yield
    finally:
        requests.delete(f"{stage.provider}/behaviour", timeout=10).raise_for_status()


@contextlib.contextmanager
def _people_signing_in(stage: Stage) -> Iterator[list[str]]:
    """A few people begin one sign-in after the other; the states in which their sign-ins ended."""
    over, ended = threading.Event(), list[str]()

    def sign_in(who: Who) -> None:
        client = stage.client()
        with contextlib.suppress(Stopped, NeverAnswered):
            while not over.is_set():
                ended.append(stage.driver.office.once(client, who))
                over.wait(PAUSE)

    threads = [threading.Thread(target=sign_in, args=(who,), daemon=True) for who in _own_people(stage)]
    for thread in threads:
        thread.start()
    try:
        yield ended
    finally:
        over.set()
        for thread in threads:
            thread.join(SECONDS_TO_END)


def _accepted(way: Proxy, *, since: int) -> int:
    return way.accepted - since


def _own_people(stage: Stage) -> list[Who]:
    return stage.driver.office.employees[-PEOPLE:]


def _let_in(stage: Stage) -> None:
    """Everybody whom the rows need has signed in once, and changed the issued password."""
    for who in _own_people(stage):
        stage.driver.office.sign_in(stage.client(), who)


def _one_sign_in(stage: Stage) -> tuple[str, float]:
    began = time.monotonic()
    state = stage.driver.office.once(stage.client(), _own_people(stage)[0])
    return state, time.monotonic() - began


def _opens(stage: Stage, name: str, calls: Callable[[], int]) -> None:
    """The circuit opens within so many calls; every sign-in meanwhile ends, and the next one at once."""
    began = time.monotonic()
    with _people_signing_in(stage) as ended:
        opened = wait_until(lambda: _metric(stage, "mfa_provider_circuit_open") == 1, seconds=OPENS_WITHIN, every=0.1)
        made, seconds = calls(), time.monotonic() - began
    assert opened, f"{name}: the circuit did not open within {OPENS_WITHIN:.0f} s and {made} calls"
    assert made <= CALLS_TO_OPEN, f"{name}: {made} calls were made before the circuit opened"
    stage.log(f"{name}: the circuit opened after {made} calls, {seconds:.1f} s")
    strange = Counter(ended) - Counter({state: len(ended) for state in TOLD})
    assert not strange, f"{name}: sign-ins ended as {dict(strange)}"
    state, seconds = _one_sign_in(stage)
    stage.log(f"{name}: a sign-in was told {state} after {seconds:.1f} s")
    assert state in TOLD, f"{name}: a sign-in ended as {state}"
    assert seconds < LONGEST_WORD, f"{name}: a sign-in was told {state} only after {seconds:.1f} s"


def _closes(stage: Stage, name: str) -> None:
    began = time.monotonic()
    with _people_signing_in(stage):
        closed = wait_until(lambda: _metric(stage, "mfa_provider_circuit_open") == 0, seconds=CLOSES_WITHIN, every=0.1)
        seconds = time.monotonic() - began
    assert closed, f"{name}: the circuit did not close within {CLOSES_WITHIN:.0f} s"
    stage.log(f"{name}: the circuit closed after {seconds:.1f} s")


def _metric(stage: Stage, name: str) -> float | None:
    address = stage.program("mfa-worker").ready_url.replace("/readyz", "/metrics")
    with contextlib.suppress(requests.RequestException):
        for line in requests.get(address, timeout=5).text.splitlines():
            if line.startswith(f"{name} "):
                return float(line.split()[1])
    return None


FAULTS = [
    Fault(
        name="provider-failing",
        injected="push provider: 500, garbage, reset, mute, cut off",
        run=failing,
        seconds=120,
        short=True,
    ),
    Fault(
        name="provider-odd",
        injected="provider slow; callbacks lost, doubled, disordered",
        run=odd,
        seconds=40,
    ),
]
