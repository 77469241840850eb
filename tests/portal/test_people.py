"""People who are there: listed, corrected, given a new password, closed."""

from typing import Any
from uuid import uuid4

import pytest

from libs.contracts.errors import Conflict, Invalid, NotFound
from libs.contracts.identity import People
from tests.portal.fakes import principal
from tests.portal.office import FORM, MANAGER, manager, office, paste, rows_of
from tests.portal.support import Portal
from tests.portal.views import StandIn, person


def staff_of(portal: Portal, *people: Any, **answers: Any) -> StandIn:
    """The portal with these people in the organisation."""

    def list_people(_: Any, *, account_ids: Any = None, **__: Any) -> People:
        found = [p for p in people if account_ids is None or p.account_id in account_ids]
        return People(items=found, total=len(found), next_page_token=None if account_ids else "next")

    return office(portal, **{"list_people": list_people} | answers)


def test_everybody_is_listed_with_state_and_role(portal: Portal) -> None:
    boss = person("Елена", "Димитрова", roles=["manager", "member"])
    staff_of(portal, boss, person(state="invited"), person(state="closed"))
    page = manager(portal).open("/management/users?page_token=some&search=a")
    badges = [badge.get_text(strip=True) for badge in page.soup.select("tbody .badge")]
    assert badges == ["Manager", "Active", "Not signed in yet", "Closed"]
    assert page.links("nav.pagination") == {
        "To the beginning": "/management/users?search=a",
        "Show more": "/management/users?search=a&page_token=next",
    }


def test_an_empty_list_says_how_to_begin_and_an_empty_search_how_to_go_back(portal: Portal) -> None:
    office(portal)
    visitor = manager(portal)
    assert "No employees yet" in visitor.open("/management/users").text
    page = visitor.open("/management/users?search=Никой")
    assert page.links("main .empty") == {"Show everybody": "/management/users"}


def test_a_persons_data_are_corrected(portal: Portal) -> None:
    anna = person()
    stand_in = staff_of(portal, anna, correct_person=anna)
    visitor = manager(portal)
    page = visitor.open(f"/management/users/{anna.account_id}")
    assert page.one("#email")["value"] == anna.email
    page = visitor.send(page, {"family_name": "Колева"})
    assert page.path == "/management/users"
    ((request,), _) = stand_in.told("correct_person")[0]
    assert (request.account_id, request.family_name, request.email) == (anna.account_id, "Колева", anna.email)


@pytest.mark.parametrize("field", ["given_name", "family_name", "email", "phone"])
def test_a_missing_or_too_long_cell_of_a_person_is_told_beside_it(portal: Portal, field: str) -> None:
    anna = person()
    stand_in = staff_of(portal, anna)
    visitor = manager(portal)
    for typed in (" ", "x" * 300):
        page = visitor.send(visitor.open(f"/management/users/{anna.account_id}"), {field: typed}, status=422)
        assert list(page.links("#faults").values()) == [f"#{field}"]
        assert page.one(f"#{field}").has_attr("aria-invalid")
        assert page.one(f"#{field}-fault").get_text(strip=True)
    assert stand_in.told("correct_person") == []


@pytest.mark.parametrize(
    ("refusal", "faults"),
    [
        (Invalid.field("email", "taken"), ["E-mail: This is already in use."]),
        (Conflict("account_closed"), ["This account is closed."]),
    ],
)
def test_what_identity_refuses_is_shown_with_what_was_typed(
    portal: Portal, refusal: Exception, faults: list[str]
) -> None:
    anna = person()
    staff_of(portal, anna, correct_person=refusal)
    visitor = manager(portal)
    page = visitor.open(f"/management/users/{anna.account_id}")
    page = visitor.send(page, {"email": "taken@broker.example"}, status=422)
    assert page.faults == faults
    assert page.one("#email")["value"] == "taken@broker.example"


@pytest.mark.parametrize(
    ("deed", "method", "heading", "words"),
    [
        ("password", "reissue_password", "Send Анна Петрова a new password?", "A new password is on its way"),
        ("close", "close_account", "Close the account of Анна Петрова?", "The account is closed."),
    ],
)
def test_what_hurts_is_asked_once(portal: Portal, deed: str, method: str, heading: str, words: str) -> None:
    anna = person()
    stand_in = staff_of(portal, anna, **{method: None})
    visitor = manager(portal)
    question = visitor.open(f"/management/users/{anna.account_id}/{deed}")
    assert question.heading == heading
    assert stand_in.told(method) == []
    assert words in visitor.send(question).text
    assert stand_in.told(method) == [((anna.account_id,), {})]


@pytest.mark.parametrize(("deed", "method"), [("password", "reissue_password"), ("close", "close_account")])
def test_a_refusal_is_told_on_the_list(portal: Portal, deed: str, method: str) -> None:
    anna = person()
    staff_of(portal, anna, **{method: Conflict("own_account")})
    visitor = manager(portal)
    page = visitor.send(visitor.open(f"/management/users/{anna.account_id}/{deed}"))
    assert "Somebody else has to do this to your account." in page.text


def test_nobody_is_offered_to_close_the_own_account(portal: Portal) -> None:
    me = person(account_id=MANAGER.account_id)
    staff_of(portal, me)
    assert "Close the account" not in manager(portal).open(f"/management/users/{me.account_id}").buttons()


@pytest.mark.story("INS-17")
@pytest.mark.parametrize("path", ["/management/users/{id}", "/management/users/{id}/close"])
def test_a_person_of_another_organisation_is_not_there(portal: Portal, path: str) -> None:
    staff_of(portal, person())
    page = manager(portal).open(path.format(id=uuid4()), status=404)
    assert page.heading == "We could not find this page"


def test_a_person_who_left_between_two_pages_is_not_there_either(portal: Portal) -> None:
    anna = person()
    staff_of(portal, anna, correct_person=NotFound())
    visitor = manager(portal)
    visitor.send(visitor.open(f"/management/users/{anna.account_id}"), status=404)


@pytest.mark.parametrize("path", [FORM, "/management/users"])
def test_people_are_for_managers(portal: Portal, path: str) -> None:
    office(portal)
    portal.signed_in(principal("member")).open(path, status=403)
    assert portal.visitor().open(path).heading == "Sign in"


def test_the_pages_are_good_pages_in_bulgarian_too(portal: Portal) -> None:
    anna = person()
    staff_of(portal, anna)
    visitor = manager(portal, "bg")
    for path in (FORM, "/management/users", f"/management/users/{anna.account_id}"):
        visitor.open(path)
    page = paste(visitor, rows_of(("", "", "x", "y")), status=422)
    assert len(page.faults) == 4
