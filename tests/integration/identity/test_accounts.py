"""Who may do what to whose account, and organisations."""

from __future__ import annotations

import threading
from dataclasses import replace

import pytest

from libs.chassis.ids import new_id
from libs.chassis.principal import Principal
from libs.contracts.errors import Conflict, Forbidden, Invalid, NotFound
from libs.contracts.identity import (
    CloseAccount,
    CorrectOrganisation,
    CorrectPerson,
    GetOrganisation,
    IssueAccount,
    ListOrganisations,
    OrganisationView,
    RegisterOrganisation,
    ReissuePassword,
)
from services.identity import queries
from services.identity.handlers import accounts, organisations
from tests.support.builders.identity import EIKS, Desk, Holder, a_principal
from tests.support.databases import WorkFor

STAFF = ("clerk", "finance", "official", "admin")


@pytest.fixture
def broker(desk: Desk) -> OrganisationView:
    return desk.organisation()


def issuing(role: str, organisation: OrganisationView | None = None, **values: str) -> IssueAccount:
    data = {"given_name": "Иво", "family_name": "Иванов", "email": "ivo@broker.example", "phone": "0888123456"}
    organisation_id = organisation.id if organisation else None
    return IssueAccount(role=role, organisation_id=organisation_id, **{**data, **values})


def correcting(holder: Holder, **values: str) -> CorrectPerson:
    account = holder.account
    data = {
        "given_name": account.given_name,
        "family_name": account.family_name,
        "email": account.email,
        "phone": account.phone,
    }
    return CorrectPerson(account_id=holder.id, **{**data, **values})


@pytest.mark.story("MON-08")
@pytest.mark.parametrize(
    ("issuer", "role", "allowed"),
    [
        *(("admin", role, True) for role in (*STAFF, "manager", "member")),
        *(("clerk", role, role in ("manager", "member")) for role in (*STAFF, "manager", "member")),
        *(("finance", role, False) for role in (*STAFF, "manager", "member")),
        *(("manager", role, role == "member") for role in (*STAFF, "manager", "member")),
        *(("member", role, False) for role in (*STAFF, "manager", "member")),
    ],
)
def test_who_may_issue_which_account(
    work_for: WorkFor, broker: OrganisationView, issuer: str, role: str, allowed: bool
) -> None:
    own = broker.id if issuer in ("manager", "member") else None
    command = issuing(role, broker if role in ("manager", "member") else None)
    with work_for("identity", principal=a_principal(issuer, organisation_id=own)) as work:
        if allowed:
            assert accounts.issue(work, command).roles == [role]
        else:
            with pytest.raises((Forbidden, NotFound)):
                accounts.issue(work, command)


def test_a_manager_issues_nobody_elsewhere(desk: Desk, work_for: WorkFor, broker: OrganisationView) -> None:
    elsewhere = desk.organisation(EIKS[1], "Друг брокер ООД")
    manager = a_principal("manager", organisation_id=broker.id)
    with pytest.raises(NotFound), work_for("identity", principal=manager) as work:
        accounts.issue(work, issuing("member", elsewhere))


def test_an_organisation_account_needs_its_organisation(work_for: WorkFor) -> None:
    with pytest.raises(Invalid) as refusal, work_for("identity", principal=a_principal("admin")) as work:
        accounts.issue(work, issuing("manager"))
    assert refusal.value.faults[0].field == "organisation_id"


@pytest.mark.parametrize(
    ("values", "field"),
    [({"login": "another", "email": "TAKEN@broker.example"}, "email"), ({"login": "Taken@Broker.example"}, "login")],
)
def test_logins_and_addresses_are_unique_whatever_their_case(
    desk: Desk, work_for: WorkFor, values: dict[str, str], field: str
) -> None:
    desk.issue("finance", email="taken@broker.example")
    with pytest.raises(Invalid) as refusal, work_for("identity", principal=a_principal("admin")) as work:
        accounts.issue(work, issuing("finance", **values))
    assert [(one.field, one.code) for one in refusal.value.faults] == [(field, "taken")]


@pytest.mark.usefixtures("broker")  # so that the database is there before the threads are
def test_of_parallel_issues_of_one_address_one_wins(work_for: WorkFor) -> None:
    start, outcomes = threading.Barrier(6), []

    def issue() -> None:
        start.wait()
        try:
            with work_for("identity", principal=a_principal("admin")) as work:
                accounts.issue(work, issuing("finance"))
            outcomes.append("issued")
        except Invalid as refusal:
            outcomes.append(refusal.faults[0].code)

    threads = [threading.Thread(target=issue) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert sorted(outcomes) == ["issued"] + ["taken"] * 5


DEEDS = {
    "correct": lambda work, holder: accounts.correct(work, correcting(holder, given_name="Нона")),
    "reissue": lambda work, holder: accounts.reissue(work, ReissuePassword(account_id=holder.id)),
    "close": lambda work, holder: accounts.close(work, CloseAccount(account_id=holder.id)),
}


@pytest.mark.parametrize("deed", DEEDS)
def test_who_looks_after_whose_account(desk: Desk, work_for: WorkFor, broker: OrganisationView, deed: str) -> None:
    member, colleague = desk.issue("member", broker), desk.issue("finance")
    elsewhere = desk.organisation(EIKS[1], "Друг брокер ООД")

    def refused_for(caller: Principal, holder: Holder, error: type[Exception]) -> None:
        with pytest.raises(error), work_for("identity", principal=caller) as work:
            DEEDS[deed](work, holder)

    refused_for(a_principal("manager", organisation_id=elsewhere.id), member, NotFound)
    refused_for(a_principal("member", organisation_id=broker.id), member, Forbidden)
    refused_for(a_principal("manager", organisation_id=broker.id), colleague, NotFound)
    refused_for(a_principal("clerk"), colleague, Forbidden)
    refused_for(desk.principal(member), member, Forbidden)
    manager = desk.issue("manager", broker)
    refused_for(desk.principal(manager), manager, Conflict)
    for caller, holder in (
        (a_principal("manager", organisation_id=broker.id), member),
        (a_principal("clerk"), desk.issue("manager", broker)),
        (a_principal("admin"), colleague),
    ):
        with work_for("identity", principal=caller) as work:
            DEEDS[deed](work, holder)


def test_a_correction_is_told_and_the_login_follows_the_address(desk: Desk, work_for: WorkFor) -> None:
    holder = desk.issue("finance")
    with work_for("identity", principal=a_principal("admin")) as work:
        view = accounts.correct(work, correcting(holder, email="Nova@broker.example", phone="02 987 6543"))
    assert (view.login, view.email, view.phone) == ("nova@broker.example", "nova@broker.example", "+35929876543")
    (event,) = desk.events("account_changed")
    assert event["email"] == "nova@broker.example"
    assert event["phone"] == "+35929876543"


def test_a_login_that_was_chosen_stays(desk: Desk, work_for: WorkFor) -> None:
    holder = desk.issue("finance", login="Kasier")
    with work_for("identity", principal=a_principal("admin")) as work:
        assert accounts.correct(work, correcting(holder, email="nova@broker.example")).login == "kasier"


def test_a_correction_cannot_take_another_s_address(desk: Desk, work_for: WorkFor) -> None:
    holder, other = desk.issue("finance"), desk.issue("finance")
    with pytest.raises(Invalid) as refusal, work_for("identity", principal=a_principal("admin")) as work:
        accounts.correct(work, correcting(holder, email=other.account.email))
    assert [(one.field, one.code) for one in refusal.value.faults] == [("email", "taken")]


def test_a_closed_account_stays_closed(desk: Desk, work_for: WorkFor) -> None:
    holder = desk.issue("finance")
    with work_for("identity", principal=a_principal("admin")) as work:
        accounts.close(work, CloseAccount(account_id=holder.id))
    assert desk.events("account_closed") == [{"account_id": str(holder.id)}]
    for deed in DEEDS.values():
        with pytest.raises(Conflict), work_for("identity", principal=a_principal("admin")) as work:
            deed(work, holder)


def registering(**values: str) -> RegisterOrganisation:
    return RegisterOrganisation(
        **{"name": "Брокер ООД", "number": EIKS[0], "vat_number": "BG" + EIKS[0], "address": "София", **values}
    )


@pytest.mark.parametrize(
    ("values", "fault"),
    [
        ({"number": "831650340"}, ("number", "not_an_organisation_number")),
        ({"number": "8316503490012"}, ("number", "not_an_organisation_number")),
        ({"vat_number": "BG831650340"}, ("vat_number", "not_a_vat_number")),
        ({"number": "HRB/123456", "country": "DE"}, ("number", "not_an_organisation_number")),
        ({"name": "   "}, ("name", "required")),
    ],
)
def test_an_organisation_is_checked_field_by_field(
    work_for: WorkFor, values: dict[str, str], fault: tuple[str, str]
) -> None:
    with pytest.raises(Invalid) as refusal, work_for("identity", principal=a_principal("clerk")) as work:
        organisations.register(work, registering(**values))
    assert [(one.field, one.code) for one in refusal.value.faults] == [fault]


def test_a_branch_is_registered_by_its_thirteen_digits(desk: Desk, work_for: WorkFor) -> None:
    with work_for("identity", principal=a_principal("clerk")) as work:
        assert organisations.register(work, registering(number="8316503490011")).number == "8316503490011"
    assert desk.events("organisation_registered")[0]["number"] == "8316503490011"


def test_a_foreign_number_is_for_its_own_register_to_check(work_for: WorkFor) -> None:
    command = registering(number="HRB 123456", country="de", vat_number="")
    with work_for("identity", principal=a_principal("clerk")) as work:
        view = organisations.register(work, command)
    assert (view.number, view.country) == ("HRB123456", "DE")


def test_a_bad_correction_names_the_field(work_for: WorkFor, broker: OrganisationView) -> None:
    command = CorrectOrganisation(organisation_id=broker.id, name="Брокер", vat_number="BG1", address=" ")
    with pytest.raises(Invalid) as refusal, work_for("identity", principal=a_principal("clerk")) as work:
        organisations.correct(work, command)
    assert [(one.field, one.code) for one in refusal.value.faults] == [
        ("vat_number", "not_a_vat_number"),
        ("address", "required"),
    ]


def test_an_organisation_that_never_was_is_not_found(work_for: WorkFor) -> None:
    with work_for("identity", principal=a_principal("admin")) as work:
        for ask in (
            lambda: queries.get_organisation(work, GetOrganisation(organisation_id=new_id())),
            lambda: accounts.issue(work, replace(issuing("member"), organisation_id=new_id())),
        ):
            with pytest.raises(NotFound):
                ask()


def test_a_number_is_registered_once(desk: Desk, work_for: WorkFor, broker: OrganisationView) -> None:
    with pytest.raises(Invalid) as refusal, work_for("identity", principal=a_principal("clerk")) as work:
        organisations.register(work, registering())
    assert refusal.value.faults[0].code == "taken"
    assert len(desk.events("organisation_registered")) == 1


def test_clerks_correct_organisations(desk: Desk, work_for: WorkFor, broker: OrganisationView) -> None:
    command = CorrectOrganisation(organisation_id=broker.id, name="Нов брокер АД", address="Варна")
    with work_for("identity", principal=a_principal("clerk")) as work:
        assert organisations.correct(work, command).name == "Нов брокер АД"
    assert desk.events("organisation_changed")[0]["address"] == "Варна"
    with (
        pytest.raises(Forbidden),
        work_for("identity", principal=a_principal("manager", organisation_id=broker.id)) as work,
    ):
        organisations.correct(work, command)


def test_organisations_are_seen_by_their_people_and_staff(
    desk: Desk, work_for: WorkFor, broker: OrganisationView
) -> None:
    other = desk.organisation(EIKS[1], "Друг брокер ООД")
    member = a_principal("member", organisation_id=broker.id)
    with work_for("identity", principal=member) as work:
        assert queries.get_organisation(work, GetOrganisation(organisation_id=broker.id)) == broker
        with pytest.raises(NotFound):
            queries.get_organisation(work, GetOrganisation(organisation_id=other.id))
        with pytest.raises(Forbidden):
            queries.list_organisations(work, ListOrganisations())
    with work_for("identity", principal=a_principal("finance")) as work:
        found = queries.list_organisations(work, ListOrganisations(page_size=1))
        assert [one.name for one in found.items] == ["Друг брокер ООД"]
        rest = queries.list_organisations(work, ListOrganisations(page_size=1, page_token=found.next_page_token))
        assert [one.name for one in rest.items] == ["Примерен брокер ООД"]
        by_number = queries.list_organisations(work, ListOrganisations(search=EIKS[0]))
        assert [one.id for one in by_number.items] == [broker.id]
