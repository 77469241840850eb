"""Sessions: how long they stand, what they are traded for, how they end."""

from __future__ import annotations

from datetime import timedelta

import pytest

from libs.chassis.clock import ManualClock
from libs.chassis.principal import PrincipalVerifier
from libs.contracts.errors import Conflict, Invalid, NotFound, RateLimited, Unauthenticated
from libs.contracts.identity import (
    Authenticate,
    ChangePassword,
    CloseAccount,
    EndOtherSessions,
    EndSession,
    GetMe,
    ListSessions,
    PrincipalView,
    ReissuePassword,
    SetLanguage,
)
from services.identity import queries
from services.identity.handlers import accounts, passwords, sessions
from services.identity.model import Session, SignIn, Throttle
from services.identity.settings import hasher
from tests.support.builders.identity import (
    GOOD_PASSWORD,
    Desk,
    Holder,
    a_principal,
    digest_of,
    principal_public_key,
)
from tests.support.databases import Databases, WorkFor

NEW_PASSWORD = "осем черни врабчета"


@pytest.fixture
def holder(desk: Desk) -> Holder:
    return desk.active("manager", desk.organisation())


def authenticate(work_for: WorkFor, token: str) -> PrincipalView:
    with work_for("identity") as work:
        return sessions.authenticate(work, Authenticate(session_digest=digest_of(token)))


def test_a_session_is_traded_for_a_principal_that_others_verify(desk: Desk, holder: Holder, work_for: WorkFor) -> None:
    session = desk.signed_in(holder, "token")
    view = authenticate(work_for, "token")
    assert (view.name, view.roles, view.organisation_name) == ("Елена Димитрова", ["manager"], "Примерен брокер ООД")
    principal = PrincipalVerifier(principal_public_key()).verify(view.token)
    assert principal.account_id == holder.id
    assert principal.session_id == session.id
    assert principal.organisation_id == holder.account.organisation_id
    assert principal.roles == {"manager"}
    assert principal.assurance_level == 2


def test_an_unknown_token_is_nobody(work_for: WorkFor) -> None:
    with pytest.raises(Unauthenticated):
        authenticate(work_for, "made up")


def test_a_session_ends_after_an_hour_without_activity(
    desk: Desk, holder: Holder, work_for: WorkFor, clock: ManualClock
) -> None:
    desk.signed_in(holder, "token")
    for _ in range(3):
        clock.advance(timedelta(minutes=59, seconds=59))
        assert authenticate(work_for, "token").account_id == holder.id
    clock.advance(timedelta(minutes=60))
    with pytest.raises(Unauthenticated):
        authenticate(work_for, "token")


def test_a_session_ends_after_twelve_hours_whatever_happens(
    desk: Desk, holder: Holder, work_for: WorkFor, clock: ManualClock
) -> None:
    session = desk.signed_in(holder, "token")
    for _ in range(23):
        clock.advance(timedelta(minutes=30))
        view = authenticate(work_for, "token")
    assert view.session_expires_at == session.created_at + timedelta(hours=12)
    clock.advance(timedelta(minutes=30))
    with pytest.raises(Unauthenticated):
        authenticate(work_for, "token")


def test_signing_out_ends_the_session_and_tells_so(desk: Desk, holder: Holder, work_for: WorkFor) -> None:
    session = desk.signed_in(holder, "token")
    with work_for("identity", principal=desk.principal(holder, session)) as work:
        sessions.end(work, EndSession())
    with pytest.raises(Unauthenticated):
        authenticate(work_for, "token")
    assert desk.events("session_ended") == [{"session_id": str(session.id), "account_id": str(holder.id)}]


def test_one_sees_and_ends_one_s_own_sessions_alone(desk: Desk, holder: Holder, work_for: WorkFor) -> None:
    mine, other = desk.signed_in(holder, "mine"), desk.signed_in(holder, "other")
    stranger = desk.active("finance")
    foreign = desk.signed_in(stranger, "foreign")
    me = desk.principal(holder, mine)
    with work_for("identity", principal=me) as work:
        listed = queries.list_sessions(work, ListSessions()).items
    assert {one.id for one in listed if one.current} == {mine.id}
    assert other.id in {one.id for one in listed}
    assert foreign.id not in {one.id for one in listed}
    with pytest.raises(NotFound), work_for("identity", principal=me) as work:
        sessions.end(work, EndSession(session_id=foreign.id))
    with work_for("identity", principal=me) as work:
        sessions.end_others(work, EndOtherSessions())
    with pytest.raises(Unauthenticated):
        authenticate(work_for, "other")
    assert authenticate(work_for, "mine").account_id == holder.id
    assert authenticate(work_for, "foreign").account_id == stranger.id


def test_changing_the_password_ends_the_other_sessions(desk: Desk, holder: Holder, work_for: WorkFor) -> None:
    mine = desk.signed_in(holder, "mine")
    desk.signed_in(holder, "other")
    command = ChangePassword(current_password=GOOD_PASSWORD, new_password=NEW_PASSWORD)
    for _ in range(2):  # told twice, because the first answer was lost
        with work_for("identity", principal=desk.principal(holder, mine)) as work:
            passwords.change_own(work, command)
    with pytest.raises(Unauthenticated):
        authenticate(work_for, "other")
    assert authenticate(work_for, "mine").account_id == holder.id
    assert [one["first"] for one in desk.events("password_changed")] == [True, False]
    with pytest.raises(Unauthenticated):
        desk.begin(holder)
    assert desk.begin(holder, password=NEW_PASSWORD).state == "awaiting_factor"


@pytest.mark.parametrize(
    ("current", "new", "fault"),
    [
        ("не е тази парола", NEW_PASSWORD, ("current_password", "wrong_password")),
        (GOOD_PASSWORD, GOOD_PASSWORD, ("new_password", "same_as_current")),
        (GOOD_PASSWORD, "късо", ("new_password", "too_short")),
        (GOOD_PASSWORD, "парола123456", ("new_password", "too_common")),
        (GOOD_PASSWORD, "Димитрова-2026", ("new_password", "too_personal")),
    ],
)
def test_a_bad_change_of_password_names_the_field(
    desk: Desk, holder: Holder, work_for: WorkFor, current: str, new: str, fault: tuple[str, str]
) -> None:
    command = ChangePassword(current_password=current, new_password=new)
    with pytest.raises(Invalid) as refusal, work_for("identity", principal=desk.principal(holder)) as work:
        passwords.change_own(work, command)
    assert [(one.field, one.code) for one in refusal.value.faults] == [fault]
    assert desk.begin(holder).state == "awaiting_factor"


def test_guessing_the_current_password_is_slowed_down(desk: Desk, holder: Holder, work_for: WorkFor) -> None:
    command = ChangePassword(current_password="не е тази парола", new_password=NEW_PASSWORD)
    for _ in range(10):
        with pytest.raises(Invalid), work_for("identity", principal=desk.principal(holder)) as work:
            passwords.change_own(work, command)
    with pytest.raises(RateLimited), work_for("identity", principal=desk.principal(holder)) as work:
        passwords.change_own(work, command)


def test_a_closed_account_loses_its_sessions(desk: Desk, holder: Holder, work_for: WorkFor) -> None:
    desk.signed_in(holder, "token")
    attempt = desk.begin(holder)
    with work_for("identity", principal=a_principal("clerk")) as work:
        accounts.close(work, CloseAccount(account_id=holder.id))
    with pytest.raises(Unauthenticated):
        authenticate(work_for, "token")
    assert desk.look(attempt, holder).state == "cancelled"


def test_the_language_is_chosen_by_its_reader(desk: Desk, holder: Holder, work_for: WorkFor) -> None:
    with work_for("identity", principal=desk.principal(holder)) as work:
        accounts.set_language(work, SetLanguage(language="en"))
        assert queries.get_me(work, GetMe()).language == "en"
    assert desk.events("account_changed")[-1]["language"] == "en"


def test_what_is_too_old_is_removed(
    desk: Desk, holder: Holder, work_for: WorkFor, clock: ManualClock, service_database: Databases
) -> None:
    desk.signed_in(holder, "old")
    clock.advance(timedelta(days=20))
    desk.signed_in(holder, "recent")
    clock.advance(timedelta(days=11))
    with work_for("identity") as work:
        sessions.clean(work)
    with service_database("identity").sessions() as session:
        digests = {one.digest for one in session.query(Session)}
        assert digest_of("old") not in digests
        assert digest_of("recent") in digests
        assert session.query(SignIn).count() == 1
        assert session.query(Throttle).count() == 0


def test_a_password_reissued_meanwhile_is_not_overwritten(
    desk: Desk, holder: Holder, work_for: WorkFor, monkeypatch: pytest.MonkeyPatch
) -> None:
    hash_ = hasher().hash

    def hash_slowly(password: str) -> str:
        with work_for("identity", principal=a_principal("clerk")) as work:
            accounts.reissue(work, ReissuePassword(account_id=holder.id))
        return hash_(password)

    monkeypatch.setattr(hasher(), "hash", hash_slowly)
    command = ChangePassword(current_password=GOOD_PASSWORD, new_password=NEW_PASSWORD)
    with pytest.raises(Conflict), work_for("identity", principal=desk.principal(holder)) as work:
        passwords.change_own(work, command)
    holder.password = desk.latest_password(holder.id)
    assert desk.begin(holder).state == "password_change_required"


def test_somebody_unknown_is_not_found(work_for: WorkFor) -> None:
    ghost = a_principal("admin")
    with pytest.raises(NotFound), work_for("identity", principal=ghost) as work:
        queries.get_me(work, GetMe())
    with pytest.raises(NotFound), work_for("identity", principal=ghost) as work:
        accounts.set_language(work, SetLanguage(language="en"))
    with pytest.raises(NotFound), work_for("identity", principal=ghost) as work:
        passwords.change_own(work, ChangePassword(current_password=GOOD_PASSWORD, new_password=NEW_PASSWORD))
