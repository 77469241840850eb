"""Pasted people: checked row by row, added together, at home in one organisation."""

from __future__ import annotations

import base64
import json
import time

import pytest

from libs.chassis.clock import ManualClock
from libs.contracts.errors import Forbidden, Invalid, NotFound
from libs.contracts.identity import (
    AddPeople,
    CheckPeople,
    IssueAccount,
    ListPeople,
    NewPerson,
    OrganisationView,
    PeopleCheck,
)
from services.identity import queries
from services.identity.handlers import accounts, people
from tests.support.builders.identity import EIKS, Desk, a_principal
from tests.support.databases import WorkFor


@pytest.fixture
def broker(desk: Desk) -> OrganisationView:
    return desk.organisation()


def row(number: int, **values: str) -> NewPerson:
    data = {
        "given_name": "Иван",
        "family_name": "Петров",
        "email": f"ivan{number}@broker.example",
        "phone": f"0888 {number:06d}",
        **values,
    }
    return NewPerson(**data)


def check(work_for: WorkFor, broker: OrganisationView, *rows: NewPerson) -> PeopleCheck:
    with work_for("identity", principal=a_principal("manager", organisation_id=broker.id)) as work:
        return people.check(work, CheckPeople(organisation_id=broker.id, people=list(rows)))


def faults(outcome: PeopleCheck) -> list[tuple[int, str, str]]:
    return [(one.row, fault.field, fault.code) for one in outcome.rows for fault in one.faults]


@pytest.mark.story("INS-13", "INS-14")
def test_checking_saves_nothing(desk: Desk, work_for: WorkFor, broker: OrganisationView) -> None:
    outcome = check(work_for, broker, row(1), row(2))
    assert (outcome.good, outcome.bad) == (2, 0)
    assert outcome.rows[0].values.phone == "+359888000001"
    assert desk.events("account_issued") == []


@pytest.mark.story("INS-16")
def test_each_fault_is_told_at_its_cell(desk: Desk, work_for: WorkFor, broker: OrganisationView) -> None:
    taken = desk.issue("member", broker)
    outcome = check(
        work_for,
        broker,
        row(1),
        row(2, given_name="", phone="088812345"),
        row(3, given_name="=1+1", email="ivan@"),
        row(4, email=taken.account.email.upper()),
        row(5, email="Double@broker.example"),
        row(6, email="double@broker.example"),
        row(7, family_name="и" * 101, phone="=0888123456"),
    )
    assert faults(outcome) == [
        (2, "given_name", "required"),
        (2, "phone", "not_a_phone"),
        (3, "given_name", "not_a_name"),
        (3, "email", "not_an_email"),
        (4, "email", "taken"),
        (5, "email", "repeated"),
        (6, "email", "repeated"),
        (7, "family_name", "too_long"),
        (7, "phone", "not_a_phone"),
    ]
    assert [outcome.rows[4].faults[0].params, outcome.rows[5].faults[0].params] == [{"row": "6"}, {"row": "5"}]
    assert (outcome.good, outcome.bad) == (1, 6)


@pytest.mark.story("INS-15", "INS-17")
def test_added_people_belong_to_the_manager_s_organisation_and_get_a_password(
    desk: Desk, work_for: WorkFor, broker: OrganisationView
) -> None:
    with work_for("identity", principal=a_principal("manager", organisation_id=broker.id)) as work:
        outcome = people.add(work, AddPeople(organisation_id=broker.id, people=[row(1), row(2)]))
    assert [(one.login, one.roles, one.organisation_id, one.state) for one in outcome.added] == [
        ("ivan1@broker.example", ["member"], broker.id, "invited"),
        ("ivan2@broker.example", ["member"], broker.id, "invited"),
    ]
    events = desk.events("account_issued")
    assert [one["email"] for one in events] == ["ivan1@broker.example", "ivan2@broker.example"]
    passwords = {desk.latest_password(one.account_id) for one in outcome.added}
    assert len(passwords) == 2


@pytest.mark.story("INS-16")
def test_one_bad_row_refuses_the_whole_and_sends_nothing(
    desk: Desk, work_for: WorkFor, broker: OrganisationView
) -> None:
    command = AddPeople(organisation_id=broker.id, people=[row(1), row(2, email="")])
    with (
        pytest.raises(Invalid) as refusal,
        work_for("identity", principal=a_principal("manager", organisation_id=broker.id)) as work,
    ):
        people.add(work, command)
    assert [(one.field, one.code) for one in refusal.value.faults] == [("people.1.email", "required")]
    assert desk.events("account_issued") == []


@pytest.mark.story("INS-16")
def test_good_rows_can_be_added_alone(desk: Desk, work_for: WorkFor, broker: OrganisationView) -> None:
    command = AddPeople(organisation_id=broker.id, people=[row(1), row(2, email=""), row(3)], only_good=True)
    with work_for("identity", principal=a_principal("manager", organisation_id=broker.id)) as work:
        outcome = people.add(work, command)
    assert [one.email for one in outcome.added] == ["ivan1@broker.example", "ivan3@broker.example"]
    assert [one.row for one in outcome.refused] == [2]
    assert len(desk.events("account_issued")) == 2


@pytest.mark.story("INS-17")
@pytest.mark.parametrize("only_good", [True, False])
def test_nobody_adds_people_to_another_organisation(
    desk: Desk, work_for: WorkFor, broker: OrganisationView, only_good: bool
) -> None:
    other = desk.organisation(EIKS[1], "Друг брокер ООД")
    stranger = a_principal("manager", organisation_id=other.id)
    with pytest.raises(NotFound), work_for("identity", principal=stranger) as work:
        people.add(work, AddPeople(organisation_id=broker.id, people=[row(1)], only_good=only_good))
    with pytest.raises(NotFound), work_for("identity", principal=stranger) as work:
        people.check(work, CheckPeople(organisation_id=broker.id, people=[row(1)]))
    with pytest.raises(NotFound), work_for("identity", principal=stranger) as work:
        queries.list_people(work, ListPeople(organisation_id=broker.id))


def test_a_member_adds_nobody(work_for: WorkFor, broker: OrganisationView) -> None:
    member = a_principal("member", organisation_id=broker.id)
    with pytest.raises(Forbidden), work_for("identity", principal=member) as work:
        people.add(work, AddPeople(organisation_id=broker.id, people=[row(1)]))


@pytest.mark.parametrize(
    "values",
    [
        {"given_name": "=1+1"},
        {"family_name": "Петров 2"},
        {"email": "ivan@@broker.example"},
        {"phone": "+359 99"},
        {"email": "x" * 250 + "@b.bg"},
    ],
)
def test_one_person_is_refused_with_the_codes_of_a_pasted_row(
    work_for: WorkFor, broker: OrganisationView, values: dict[str, str]
) -> None:
    typed = row(1, **values)
    pasted = faults(check(work_for, broker, typed))
    command = IssueAccount(role="member", organisation_id=broker.id, **vars(typed))
    with pytest.raises(Invalid) as refusal, work_for("identity", principal=a_principal("clerk")) as work:
        accounts.issue(work, command)
    assert [(1, one.field, one.code) for one in refusal.value.faults] == pasted


def test_five_thousand_rows_are_checked_and_added_quickly(
    desk: Desk, work_for: WorkFor, broker: OrganisationView, clock: ManualClock
) -> None:
    rows = [row(number) for number in range(5000)]
    began = time.thread_time()
    assert check(work_for, broker, *rows).good == 5000
    assert time.thread_time() - began < 3
    with work_for("identity", principal=a_principal("manager", organisation_id=broker.id)) as work:
        outcome = people.add(work, AddPeople(organisation_id=broker.id, people=rows))
    assert time.thread_time() - began < 20
    assert len(outcome.added) == 5000
    assert len(desk.events("account_issued")) == 5000
    assert faults(check(work_for, broker, rows[17])) == [(1, "email", "taken")]


def test_people_are_listed_page_by_page_and_found_by_any_word(
    desk: Desk, work_for: WorkFor, broker: OrganisationView
) -> None:
    for number, name in enumerate(("Яворов", "Ангелова", "Маринов", "Ангелов", "Бонев")):
        desk.issue("member", broker, family_name=name, phone=f"+35988800000{number}")
    desk.issue("member", desk.organisation(EIKS[1], "Друг брокер ООД"), family_name="Ангелски")
    manager = a_principal("manager", organisation_id=broker.id)

    def page(**values: object) -> queries.People:
        with work_for("identity", principal=manager) as work:
            return queries.list_people(work, ListPeople(organisation_id=broker.id, **values))  # type: ignore[arg-type]

    names, token = [], None
    while True:
        found = page(page_size=2, page_token=token)
        assert found.total == 5
        names += [one.family_name for one in found.items]
        token = found.next_page_token
        if token is None:
            break
    assert names == ["Ангелов", "Ангелова", "Бонев", "Маринов", "Яворов"]
    assert [one.family_name for one in page(search="АНГЕЛ елена").items] == ["Ангелов", "Ангелова"]
    assert [one.family_name for one in page(search="000004").items] == ["Бонев"]
    chosen = page(account_ids=[one.account_id for one in page().items[:2]])
    assert chosen.total == 2
    with pytest.raises(Invalid):
        page(page_token="made up")
    with pytest.raises(Invalid):
        page(page_token=base64.urlsafe_b64encode(json.dumps([str(broker.id)]).encode()).decode())
