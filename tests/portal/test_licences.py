"""Licences: what the organisation holds, and handing it out to people."""

from typing import Any
from uuid import uuid4

import pytest

from gateway.clients.licensing import LicensingClient
from libs.contracts.errors import Conflict, Fault, Invalid, NotFound
from libs.contracts.identity import People, PersonView
from libs.contracts.licensing import Assignee, Assignments, Licences, LicenceView
from tests.portal.fakes import principal
from tests.portal.support import Page, Portal, Visitor
from tests.portal.views import StandIn, assignment, licence, maintenance, person

MANAGER = principal("manager")
ANNA, BORIS, VERA = person("Анна", "Петрова"), person("Борис", "Илиев"), person("Вера", "Колева")
EVERYBODY = [ANNA, BORIS, VERA]


def seats(
    portal: Portal, held: LicenceView | Exception, people: list[PersonView] | None = None, **more: Any
) -> StandIn:
    """The portal with an organisation that holds this and has these people."""
    everybody = EVERYBODY if people is None else people

    def list_people(_: Any, *, account_ids: Any = None, **__: Any) -> People:
        wanted = [p for p in everybody if account_ids is None or p.account_id in account_ids]
        return People(items=wanted, total=len(wanted))

    portal.identity.list_people = list_people  # type: ignore[attr-defined]
    stand_in = StandIn(
        **{
            "get_licence": held,
            "list_licences": Licences(items=[] if isinstance(held, Exception) else [held]),
            "list_assignments": Assignments(items=[]),
            "assign": Assignments(items=[]),
        }
        | more
    )
    portal.answers(LicensingClient, stand_in)
    return stand_in


def manager(portal: Portal, language: str = "en") -> Visitor:
    return portal.signed_in(MANAGER, language)


def tick(visitor: Visitor, page: Page, *people: PersonView, status: int = 200, **fields: Any) -> Page:
    """Tick people and press the button at the bottom of the list."""
    return visitor.send(page, {"person": [str(p.account_id) for p in people]} | fields, status=status)


def modules_of(person: PersonView) -> str:
    return f"modules-{person.account_id}"


@pytest.mark.story("INS-01", "INS-18", "INS-19", "INS-20")
def test_management_leads_to_each_licence_with_its_unused_number_and_its_button(portal: Portal) -> None:
    seats(portal, maintenance(40, 28))
    visitor = manager(portal)
    links = visitor.open(visitor.open("/management").links(".site-nav")["Management"]).links(".side-menu")
    page = visitor.open(links["Available licences"])
    row = page.one("tbody tr")
    assert row.select_one("th").get_text(" ", strip=True).startswith("Maintenance training, 15 hours")  # type: ignore[union-attr]
    assert page.one("td[data-label='Unused licences']").get_text(strip=True) == "12"
    assert page.links("td.act") == {"Add participants": "/management/licences/maintenance-15h/participants"}


@pytest.mark.story("INS-21")
def test_a_licence_with_nothing_unused_has_no_button_and_takes_nobody(portal: Portal) -> None:
    stand_in = seats(portal, licence(granted=3, assigned=3))
    visitor = manager(portal)
    page = visitor.open("/management/licences")
    assert page.links("td.act") == {"Order more": "/management/licences/add"}
    page = visitor.open("/management/licences/induction/participants")
    assert "No licence is unused" in page.text
    assert page.soup.select("main input[type=checkbox]") == []
    token = page.soup.select_one("input[name=csrf_token]")
    assert token is not None
    answer = visitor.client.post(
        "/management/licences/induction/participants",
        data={"csrf_token": token["value"], "person": str(ANNA.account_id)},
    )
    assert answer.status_code == 422
    assert Page(answer, "en").faults == [
        "You ticked more people (1) than there are unused licences (0). Nothing was changed."
    ]
    assert stand_in.told("assign") == []


def test_an_organisation_without_licences_is_shown_the_way_to_the_first(portal: Portal) -> None:
    seats(portal, licence(), list_licences=Licences(items=[]))
    page = manager(portal).open("/management/licences")
    assert page.links("main .empty")["Order licences"] == "/management/licences/add"


@pytest.mark.story("INS-22", "INS-23", "INS-33")
def test_several_people_are_ticked_and_added_at_once_without_a_module_screen(portal: Portal) -> None:
    stand_in = seats(portal, licence())
    visitor = manager(portal)
    page = visitor.open("/management/licences/induction/participants")
    names = [label.get_text(" ", strip=True) for label in page.soup.select("#people li label")]
    assert [name.split(" ")[0] for name in names] == ["Анна", "Борис", "Вера"]
    assert page.buttons("main form") == ["Tick all", "Add participants"]
    page = tick(visitor, page, ANNA, VERA)
    assert page.path == "/management/licences"
    assert "2 people were added and get an e-mail." in page.text
    ((organisation_id, sku, people), _) = stand_in.told("assign")[0]
    assert (organisation_id, sku) == (MANAGER.organisation_id, "induction")
    assert people == [Assignee(account_id=p.account_id, modules=[]) for p in (ANNA, VERA)]


@pytest.mark.story("INS-33")
def test_no_module_screen_can_be_reached_for_another_training(portal: Portal) -> None:
    stand_in = seats(portal, licence())
    visitor = manager(portal)
    page = visitor.open("/management/licences/induction/participants")
    token = page.soup.select_one("main input[name=csrf_token]")
    assert token is not None
    answer = visitor.client.post(
        "/management/licences/induction/modules",
        data={"csrf_token": token["value"], "person": str(ANNA.account_id), "action": "confirm"},
    )
    assert answer.status_code == 404
    assert stand_in.told("assign") == []


@pytest.mark.story("INS-25")
def test_more_people_than_unused_licences_are_refused_as_a_whole(portal: Portal) -> None:
    stand_in = seats(portal, licence(granted=3, assigned=1))
    visitor = manager(portal)
    page = visitor.open("/management/licences/induction/participants")
    page = tick(visitor, page, *EVERYBODY, status=422)
    text = "You ticked more people (3) than there are unused licences (2). Nothing was changed."
    assert page.links("#faults") == {text: "#people"}
    assert len(page.soup.select("#people input[checked]")) == 3
    assert stand_in.told("assign") == []


@pytest.mark.story("INS-25")
def test_seats_that_went_to_somebody_else_meanwhile_are_told(portal: Portal) -> None:
    seats(portal, licence(), assign=Conflict("not_enough_seats", params={"wanted": 2, "available": 1}))
    visitor = manager(portal)
    page = tick(visitor, visitor.open("/management/licences/induction/participants"), ANNA, BORIS, status=422)
    assert page.faults == ["You ticked more people (2) than there are unused licences (1). Nothing was changed."]


def test_nobody_ticked_is_said_at_the_top(portal: Portal) -> None:
    seats(portal, licence())
    visitor = manager(portal)
    page = tick(visitor, visitor.open("/management/licences/induction/participants"), status=422)
    assert page.links("#faults") == {"Tick at least one person.": "#people"}


def test_somebody_of_another_organisation_refuses_the_whole(portal: Portal) -> None:
    stand_in = seats(portal, licence())
    visitor, stranger = manager(portal), person("Чужд", "Човек")
    page = visitor.open("/management/licences/induction/participants")
    page = tick(visitor, page, ANNA, stranger, status=422)
    assert page.faults == ["Somebody you ticked does not belong to your organisation. Nothing was changed."]
    assert stand_in.told("assign") == []
    page = visitor.send(page, {"person": "not an id"}, status=422)
    assert page.faults == ["Somebody you ticked does not belong to your organisation. Nothing was changed."]


@pytest.mark.story("INS-26")
def test_who_has_the_training_already_cannot_be_ticked_and_is_named_where_it_was_tried(portal: Portal) -> None:
    refusal = Conflict("already_assigned", faults=[Fault(field="people.1.account_id", code="already_assigned")])
    stand_in = seats(portal, licence(), assign=refusal)
    visitor = manager(portal)
    page = visitor.open("/management/licences/induction/participants")
    stand_in.answers["list_assignments"] = Assignments(items=[assignment(BORIS.account_id)])
    page = tick(visitor, page, ANNA, BORIS, status=422)
    words = "Has this licence already, and has not finished yet."
    assert page.links("#faults") == {f"Борис Илиев: {words}": f"#person-{BORIS.account_id}"}
    box = page.one(f"input[value='{BORIS.account_id}']")
    assert box.has_attr("disabled")
    assert page.one(f"#{box['aria-describedby']}").get_text() == words
    assert page.one(f"input[value='{ANNA.account_id}']").has_attr("checked")


def test_closed_accounts_are_not_offered_and_finished_people_are(portal: Portal) -> None:
    gone = person("Бивш", "Служител", state="closed")
    finished = Assignments(items=[assignment(ANNA.account_id, state="finished")])
    seats(portal, licence(), [ANNA, gone], list_assignments=finished)
    page = manager(portal).open("/management/licences/induction/participants")
    (box,) = page.soup.select("#people input[name=person]")
    assert box["value"] == str(ANNA.account_id)
    assert not box.has_attr("disabled")


def test_an_organisation_without_people_is_shown_the_way_to_add_them(portal: Portal) -> None:
    seats(portal, licence(), [])
    visitor = manager(portal)
    page = visitor.open("/management/licences/induction/participants")
    assert page.links("main .empty") == {"Add employees": "/management/users/new"}


@pytest.mark.story("INS-27", "INS-28", "INS-29", "INS-32")
def test_the_maintenance_training_asks_for_the_modules_of_each_person(portal: Portal) -> None:
    stand_in = seats(portal, maintenance())
    visitor = manager(portal)
    page = tick(visitor, visitor.open("/management/licences/maintenance-15h/participants"), ANNA, BORIS)
    assert page.heading == "Choose modules"
    assert page.links("main")["Read about the modules in the library"] == "/library#maintenance-15h"
    for each in (ANNA, BORIS):
        boxes = page.soup.select(f"input[name='{modules_of(each)}']")
        assert [box["value"] for box in boxes] == ["a", "b", "c", "d"]
    assert [b.get_text(strip=True) for b in page.soup.select("[data-balance]")] == ["15:00 hours are missing"] * 2
    assert page.one("#confirm").has_attr("disabled")
    assert stand_in.told("assign") == []


@pytest.mark.story("INS-29", "INS-30", "INS-31", "INS-32")
def test_the_sums_are_added_up_by_the_server_until_each_is_exactly_fifteen_hours(portal: Portal) -> None:
    stand_in = seats(portal, maintenance())
    visitor = manager(portal)
    page = tick(visitor, visitor.open("/management/licences/maintenance-15h/participants"), ANNA, BORIS)
    chosen = {modules_of(ANNA): ["a", "b", "c"], modules_of(BORIS): ["a", "b", "d"]}
    page = tick(visitor, page, ANNA, BORIS, action="sum", **chosen)
    balances = [b.get_text(strip=True) for b in page.soup.select("[data-balance]")]
    assert balances == ["The hours are right", "0:01 hours are missing"]
    assert page.one("#confirm").has_attr("disabled")
    page = tick(visitor, page, ANNA, BORIS, action="sum", **(chosen | {modules_of(BORIS): ["a", "b", "c", "d"]}))
    assert "2:59 hours are too much" in page.text
    assert page.one("#confirm").has_attr("disabled")
    page = tick(visitor, page, ANNA, BORIS, action="sum", **(chosen | {modules_of(BORIS): ["c", "b", "a"]}))
    assert not page.one("#confirm").has_attr("disabled")
    page = tick(visitor, page, ANNA, BORIS, action="confirm", **(chosen | {modules_of(BORIS): ["c", "b", "a"]}))
    assert page.path == "/management/licences"
    ((_, _, people), _) = stand_in.told("assign")[0]
    assert people == [
        Assignee(account_id=ANNA.account_id, modules=["a", "b", "c"]),
        Assignee(account_id=BORIS.account_id, modules=["c", "b", "a"]),
    ]


@pytest.mark.story("INS-31")
@pytest.mark.parametrize("chosen", [["a", "b", "d"], ["a", "b", "c", "d"], []])
def test_other_sums_are_refused_by_the_service_and_told_beside_the_person(portal: Portal, chosen: list[str]) -> None:
    refusal = Invalid(faults=[Fault(field="people.0.modules", code="wrong_hours", params={"have": 1, "required": 900})])
    seats(portal, maintenance(), assign=refusal)
    visitor = manager(portal)
    page = tick(visitor, visitor.open("/management/licences/maintenance-15h/participants"), ANNA)
    page = tick(visitor, page, ANNA, action="confirm", status=422, **{modules_of(ANNA): chosen})
    words = "The modules must add up to the hours asked for."
    assert page.links("#faults") == {f"Анна Петрова: {words}": f"#person-{ANNA.account_id}"}
    card = page.one(f"#person-{ANNA.account_id}")
    assert page.one(f"#{card['aria-describedby']}").get_text() == words
    assert [b["value"] for b in page.soup.select("input[checked]")] == chosen


def test_at_least_so_many_hours_may_be_more(portal: Portal) -> None:
    seats(portal, maintenance(hours_rule="at_least"))
    visitor = manager(portal)
    page = tick(visitor, visitor.open("/management/licences/maintenance-15h/participants"), ANNA)
    assert "at least 15:00 hours" in page.text
    page = tick(visitor, page, ANNA, action="sum", **{modules_of(ANNA): ["a", "b", "c", "d"]})
    assert not page.one("#confirm").has_attr("disabled")


def test_unknown_modules_count_for_nothing_in_the_sum(portal: Portal) -> None:
    seats(portal, maintenance())
    visitor = manager(portal)
    page = tick(visitor, visitor.open("/management/licences/maintenance-15h/participants"), ANNA)
    page = tick(visitor, page, ANNA, action="sum", **{modules_of(ANNA): ["a", "nothing", "<b>"]})
    assert "7:00 hours are missing" in page.text


def test_the_holders_of_a_licence_are_named_in_every_state(portal: Portal) -> None:
    states = ("assigned", "begun", "finished", "lapsed", "withdrawn")
    held = [assignment(ANNA.account_id, state=state) for state in states]
    former = assignment(uuid4(), state="begun")
    seats(portal, licence(), list_assignments=Assignments(items=[*held, former]))
    page = manager(portal).open("/management/licences/induction")
    badges = [badge.get_text(strip=True) for badge in page.soup.select("tbody .badge")]
    assert badges == ["Not begun", "Under way", "Finished", "Run out", "Under way"]
    assert "Former employee" in page.text
    assert page.links("td.act") == {"Take back": f"/management/assignments/{held[0].id}/withdraw"}


def test_a_licence_that_nobody_holds_says_so(portal: Portal) -> None:
    seats(portal, licence(valid_until=None))
    assert "Nobody has it yet" in manager(portal).open("/management/licences/induction").text


def test_a_seat_is_taken_back_after_one_question(portal: Portal) -> None:
    held = assignment(ANNA.account_id)
    stand_in = seats(portal, licence(), list_assignments=Assignments(items=[held]), withdraw_assignment=held)
    visitor = manager(portal)
    question = visitor.open(f"/management/assignments/{held.id}/withdraw")
    assert question.heading == "Take the licence back from Анна Петрова?"
    assert stand_in.told("withdraw_assignment") == []
    page = visitor.send(question)
    assert page.path == "/management/licences/induction"
    assert "The licence is unused again." in page.text
    assert stand_in.told("withdraw_assignment") == [((held.id,), {})]


def test_a_seat_begun_meanwhile_stays_where_it_is(portal: Portal) -> None:
    held = assignment(ANNA.account_id)
    seats(
        portal,
        licence(),
        list_assignments=Assignments(items=[held]),
        withdraw_assignment=Conflict("cannot_withdraw"),
    )
    visitor = manager(portal)
    page = visitor.send(visitor.open(f"/management/assignments/{held.id}/withdraw"))
    assert "only before the training is begun" in page.text


@pytest.mark.parametrize("path", ["/management/licences/nothing", "/management/licences/nothing/participants"])
def test_an_unknown_licence_is_a_page(portal: Portal, path: str) -> None:
    seats(portal, NotFound())
    assert manager(portal).open(path, status=404).heading == "We could not find this page"


def test_an_assignment_of_another_organisation_is_not_there(portal: Portal) -> None:
    seats(portal, licence())
    manager(portal).open(f"/management/assignments/{uuid4()}/withdraw", status=404)


@pytest.mark.parametrize("path", ["/management/licences", "/management/licences/induction/participants"])
def test_licences_are_for_managers(portal: Portal, path: str) -> None:
    seats(portal, licence())
    portal.signed_in(principal("member")).open(path, status=403)
    assert portal.visitor().open(path).heading == "Sign in"


def test_the_pages_are_good_pages_in_bulgarian_too(portal: Portal) -> None:
    seats(portal, maintenance(), list_assignments=Assignments(items=[assignment(ANNA.account_id)]))
    visitor = manager(portal, "bg")
    visitor.open("/management/licences")
    visitor.open("/management/licences/maintenance-15h")
    page = visitor.open("/management/licences/maintenance-15h/participants")
    page = tick(visitor, page, BORIS)
    assert tick(visitor, page, BORIS, action="sum", **{modules_of(BORIS): ["a"]}).status == 200
