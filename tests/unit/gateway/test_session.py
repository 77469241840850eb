"""What the gateway remembers of who is signed in."""

from uuid import uuid4

import pytest

from gateway.security.session import Principals
from gateway.security.tokens import digest, new_token, well_formed
from libs.contracts.errors import Unauthenticated
from libs.contracts.identity import PrincipalView
from tests.portal.fakes import principal


class Time:
    """A clock that stands."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def time() -> Time:
    return Time()


class Identity:
    """Counts how often it is asked."""

    def __init__(self, view: PrincipalView) -> None:
        self.view, self.asked = view, 0

    def __call__(self, _: str) -> PrincipalView:
        self.asked += 1
        return self.view


def test_a_principal_is_remembered_for_its_seconds_and_no_longer(time: Time) -> None:
    memory, identity = Principals(20, time), Identity(principal("manager"))
    for _ in range(3):
        assert memory.of("d", identity) is identity.view
    assert identity.asked == 1
    time.now += 20
    memory.of("d", identity)
    assert identity.asked == 2


def test_an_ended_session_is_forgotten_and_others_are_not(time: Time) -> None:
    memory, one, two = Principals(20, time), Identity(principal("manager")), Identity(principal("member"))
    memory.of("1", one)
    memory.of("2", two)
    memory.forget(one.view.session_id)
    memory.of("2", two)
    assert two.asked == 1
    with pytest.raises(Unauthenticated):
        memory.of("1", one)


def test_an_answer_that_was_under_way_when_its_session_ended_is_refused(time: Time) -> None:
    memory, view = Principals(20, time), principal("manager")

    def ask(_: str) -> PrincipalView:
        memory.forget(view.session_id)
        return view

    with pytest.raises(Unauthenticated):
        memory.of("d", ask)


def test_a_changed_account_is_asked_about_anew(time: Time) -> None:
    memory, identity = Principals(20, time), Identity(principal("manager"))
    memory.of("d", identity)
    memory.forget_account(identity.view.account_id)
    memory.of("d", identity)
    assert identity.asked == 2


def test_a_refusal_is_not_remembered(time: Time) -> None:
    memory = Principals(20, time)

    def refuse(_: str) -> PrincipalView:
        raise Unauthenticated

    with pytest.raises(Unauthenticated):
        memory.of("d", refuse)
    assert memory.of("d", Identity(principal("member")))


def test_the_memory_is_bounded(time: Time, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gateway.security.session.MOST", 3)
    memory = Principals(20, time)
    for number in range(10):
        memory.of(str(number), Identity(principal("member", session_id=uuid4())))
    assert len(memory._entries) <= 3


def test_tokens_hold_256_bits_and_look_like_tokens() -> None:
    token = new_token()
    assert len(token) == 43
    assert well_formed(token)
    assert len(digest(token)) == 64
    assert token not in digest(token)


@pytest.mark.parametrize("text", [None, "", "x", "a" * 42, "a" * 44, "a" * 42 + "=", "a" * 42 + "/", "я" * 43])
def test_anything_else_is_no_token_and_nobody_is_asked_about_it(text: str | None) -> None:
    assert not well_formed(text)
