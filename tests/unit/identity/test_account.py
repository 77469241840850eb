"""Accounts, sessions and their passwords by the clock alone."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

import pytest

from libs.chassis.clock import ManualClock
from libs.contracts.base import Event
from libs.contracts.errors import Conflict
from services.identity.model import Account, Session
from services.identity.model.account import IssuedPassword, Person, folded
from services.identity.model.credential import is_dead

IVAN = Person(given_name="Иван", family_name="Петров", email="ivan@broker.example", phone="+359888123456")
BROKER = UUID(int=9)
IDLE = timedelta(minutes=60)


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


def issued(digest: str = "$issued$one") -> IssuedPassword:
    return IssuedPassword(digest=digest, sealed="sealed", lifetime=timedelta(days=14))


def an_account(clock: ManualClock, role: str = "member") -> Account:
    return Account.issue(
        IVAN, login=IVAN.email, role=role, organisation_id=BROKER, language="bg", password=issued(), now=clock.now()
    )


def types(account: Account) -> list[str]:
    recorded: list[tuple[Event, int]] = account.__dict__["_recorded"]
    return [event.TYPE for event, _ in recorded]


def test_an_account_is_invited_until_its_holder_chooses_a_password(clock: ManualClock) -> None:
    account = an_account(clock)
    assert (account.state, account.credential.is_temporary) == ("invited", True)
    account.choose_password("$argon2id$own", clock.now())
    assert (account.state, account.credential.is_temporary) == ("active", False)
    account.reissue(issued("$issued$two"), clock.now())
    assert (account.state, account.credential.is_temporary) == ("invited", True)
    assert types(account) == [
        "identity.account_issued.v1",
        "identity.password_changed.v1",
        "identity.password_reissued.v1",
    ]


def test_staff_belong_to_no_organisation(clock: ManualClock) -> None:
    clerk = an_account(clock, "clerk")
    assert (clerk.roles, clerk.organisation_id) == (["clerk"], None)
    member = an_account(clock)
    assert (member.roles, member.organisation_id) == (["member"], BROKER)


def test_a_closed_account_refuses_every_deed(clock: ManualClock) -> None:
    account = an_account(clock)
    account.close(clock.now())
    for deed in (
        lambda: account.close(clock.now()),
        lambda: account.correct(IVAN),
        lambda: account.speak("en"),
        lambda: account.reissue(issued(), clock.now()),
        lambda: account.choose_password("$argon2id$own", clock.now()),
    ):
        with pytest.raises(Conflict):
            deed()


@pytest.mark.parametrize(
    ("age", "failures", "dead"),
    [
        (timedelta(days=13), 9, False),
        (timedelta(days=14), 0, True),
        (timedelta(0), 10, True),
    ],
)
def test_an_issued_password_dies_of_age_or_failures(
    clock: ManualClock, age: timedelta, failures: int, dead: bool
) -> None:
    expires_at = clock.now() + timedelta(days=14)
    assert is_dead(expires_at, failures, clock.now() + age, 10) is dead


def test_a_chosen_password_never_dies(clock: ManualClock) -> None:
    assert not is_dead(None, 1_000, clock.now() + timedelta(days=10_000), 10)


def test_a_session_stands_sixty_minutes_after_activity_and_twelve_hours_at_most(clock: ManualClock) -> None:
    session = Session.start(
        UUID(int=1), digest="d", device="", network="", now=clock.now(), longest=timedelta(hours=12)
    )
    assert session.lives(clock.now() + timedelta(minutes=59, seconds=59), IDLE)
    assert not session.lives(clock.now() + timedelta(minutes=60), IDLE)
    session.last_seen_at = clock.now() + timedelta(hours=11, minutes=30)
    assert session.ends_at(IDLE) == clock.now() + timedelta(hours=12)
    session.end(clock.now())
    session.end(clock.now())
    assert not session.lives(clock.now(), IDLE)
    assert len(session.__dict__["_recorded"]) == 1


def test_logins_are_compared_without_case_and_blanks() -> None:
    assert folded("  Елена@Broker.Example ") == "елена@broker.example"
