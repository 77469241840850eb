"""New employees pasted from a spreadsheet: looked over, corrected, added."""

from typing import Any

import pytest

from libs.contracts.errors import Invalid
from libs.contracts.identity import CellFault, NewPerson, PeopleCheck, PersonRow
from tests.portal.office import ANNA, BORIS, FORM, MANAGER, cells, manager, office, paste, press, rows_of
from tests.portal.support import Portal
from tests.portal.views import then


@pytest.mark.story("INS-01", "INS-11")
def test_management_leads_to_an_editable_table_of_new_users(portal: Portal) -> None:
    office(portal)
    visitor = manager(portal)
    page = visitor.open(visitor.open("/management").links(".side-menu")["New users"])
    assert page.path == FORM
    assert page.buttons("main form") == ["Add a row", "Check"]
    assert cells(page) == dict.fromkeys(("given_name", "family_name", "email", "phone"), [""] * 5)


@pytest.mark.story("INS-12", "INS-13", "INS-14")
def test_pasted_rows_are_shown_to_be_looked_over_and_only_add_creates_them(portal: Portal) -> None:
    stand_in = office(portal)
    visitor = manager(portal)
    page = paste(visitor, rows_of(ANNA, BORIS))
    assert cells(page)["email"] == [ANNA[2], BORIS[2]]
    assert "All 2 rows are right." in page.text
    assert page.buttons("main form") == ["Add a row", "Add", "Check again"]
    assert stand_in.told("add_people") == []
    page = press(visitor, page, "add")
    assert page.path == "/management/users"
    assert "2 employees were added and get an e-mail with sign-in data." in page.text
    ((organisation_id, people), kwargs) = stand_in.told("add_people")[0]
    assert organisation_id == MANAGER.organisation_id
    assert [p.email for p in people] == [ANNA[2], BORIS[2]]
    assert kwargs == {"only_good": False}


@pytest.mark.story("INS-12")
def test_typed_rows_and_pasted_rows_go_together(portal: Portal) -> None:
    stand_in = office(portal)
    visitor = manager(portal)
    typed = dict(zip(("given_name", "family_name", "email", "phone"), ANNA, strict=True))
    paste(visitor, rows_of(BORIS), **typed)
    ((_, people), _) = stand_in.told("check_people")[0]
    assert [p.given_name for p in people] == ["Анна", "Борис"]


@pytest.mark.story("INS-16")
@pytest.mark.parametrize(
    ("column", "value", "words"),
    [
        ("given_name", "", "is missing"),
        ("family_name", " ", "is missing"),
        ("given_name", "=1+1", "this is not a name"),
        ("email", "anna(at)broker.example", "this is not an e-mail address"),
        ("email", "a" * 300 + "@broker.example", None),
        ("phone", "12", "this is not a phone number"),
        ("phone", "", "is missing"),
    ],
)
def test_a_faulty_cell_is_told_beside_it_and_at_the_top(
    portal: Portal, column: str, value: str, words: str | None
) -> None:
    stand_in = office(portal)
    good = dict(zip(("given_name", "family_name", "email", "phone"), ANNA, strict=True))
    visitor = manager(portal)
    page = visitor.send(visitor.open(FORM), good | {column: value, "action": "check"}, status=422)
    field = page.one(f"#{column}-1")
    said = page.one(f"#{field['aria-describedby']}").get_text()
    assert said
    assert words in (None, said)
    assert field["value"] == value.strip()
    ((text, address),) = page.links("#faults").items()
    assert address == f"#{column}-1"
    assert text.startswith("Row 1, ")
    assert text.endswith(said)
    assert "Add" not in page.buttons("main form")
    assert stand_in.told("add_people") == []


@pytest.mark.story("INS-16")
def test_an_address_that_exists_or_is_repeated_is_told_at_its_row(portal: Portal) -> None:
    rows = [
        PersonRow(row=1, values=NewPerson(email=ANNA[2]), faults=[CellFault(field="email", code="taken")]),
        PersonRow(
            row=2,
            values=NewPerson(email=ANNA[2]),
            faults=[CellFault(field="email", code="repeated", params={"row": "1"})],
        ),
        PersonRow(row=3, values=NewPerson(email="?"), faults=[CellFault(field="email", code="something_new")]),
    ]
    office(portal, check_people=PeopleCheck(rows=rows, good=0, bad=3))
    page = paste(manager(portal), rows_of(ANNA, ANNA), status=422)
    assert page.faults == [
        "Row 1, E-mail: this address has an account already",
        "Row 2, E-mail: the same address as in row 1",
        "Row 3, E-mail: This is not valid.",
    ]
    assert "that are ready" not in page.text


@pytest.mark.story("INS-16", "INS-14")
def test_the_good_rows_are_added_alone_and_the_others_stay_to_be_corrected(portal: Portal) -> None:
    stand_in = office(portal)
    visitor = manager(portal)
    page = paste(visitor, rows_of(ANNA, (*BORIS[:2], "boris at broker", BORIS[3])), status=422)
    assert "Add the 1 row that is ready" in page.buttons("main form")
    first = page.one("main form input[name=command_id]")["value"]
    page = press(visitor, page, "add_good", status=422)
    assert "1 employee was added and gets an e-mail with sign-in data." in page.text
    assert cells(page)["email"] == ["boris at broker"]
    assert page.links("#faults") == {"Row 1, E-mail: this is not an e-mail address": "#email-1"}
    # What is left is another deed: under the name of the first it would be refused.
    assert page.one("main form input[name=command_id]")["value"] != first
    page = visitor.send(page, cells(page) | {"email": BORIS[2], "action": "check"})
    assert press(visitor, page, "add").path == "/management/users"
    assert [len(args[1]) for args, _ in stand_in.told("add_people")] == [2, 1]


@pytest.mark.story("INS-16")
def test_rows_that_became_faulty_meanwhile_are_shown_and_nobody_is_added(portal: Portal) -> None:
    taken = PersonRow(
        row=1, values=NewPerson(given_name="Анна", email=ANNA[2]), faults=[CellFault(field="email", code="taken")]
    )
    good = PersonRow(row=1, values=NewPerson(given_name="Анна", email=ANNA[2]), faults=[])
    checks = then(PeopleCheck(rows=[good], good=1, bad=0), PeopleCheck(rows=[taken], good=0, bad=1))
    office(portal, check_people=checks, add_people=Invalid.field("people.0.email", "taken"))
    visitor = manager(portal)
    page = press(visitor, paste(visitor, rows_of(ANNA)), "add", status=422)
    assert page.faults == ["Row 1, E-mail: this address has an account already"]


@pytest.mark.story("INS-16")
def test_of_three_hundred_rows_exactly_the_twelve_planted_faults_are_found_at_their_cells(portal: Portal) -> None:
    office(portal)
    rows = [[f"Иван{chr(0x430 + n % 30)}", "Петров", f"p{n}@broker.example", f"+35988{n:07}"] for n in range(1, 301)]
    planted = {
        (7, "given_name"): "", (31, "family_name"): "", (52, "email"): "", (75, "phone"): "",
        (99, "email"): "p99(at)broker.example", (120, "phone"): "няма", (141, "given_name"): "=SUM(A1)",
        (163, "email"): "p163@", (188, "email"): "@broker.example", (222, "phone"): "+359",
        (250, "family_name"): "@x", (300, "email"): "p300@broker",
    }  # fmt: skip
    columns = ("given_name", "family_name", "email", "phone")
    for (row, column), value in planted.items():
        rows[row - 1][columns.index(column)] = value
    page = paste(manager(portal), rows_of(("Име", "Фамилия", "Имейл", "Телефон"), *map(tuple, rows)), status=422)
    bad = {str(field["id"]) for field in page.soup.select("#grid [aria-invalid=true]")}
    assert bad == {f"{column}-{row}" for row, column in planted}
    assert len(page.faults) == 12
    assert set(page.links("#faults").values()) == {f"#{one}" for one in bad}
    assert "Add the 288 rows that are ready" in page.buttons("main form")


def test_more_faults_than_twelve_are_counted_at_the_top(portal: Portal) -> None:
    office(portal)
    page = paste(manager(portal), rows_of(*[("Анна", "Петрова", f"a{n}", "0888000101") for n in range(15)]), status=422)
    assert len(page.faults) == 13
    assert page.faults[-1] == "… and 3 more"
    assert page.links("#faults")["… and 3 more"] == "#grid"


def test_the_faulty_rows_are_downloaded_corrected_and_pasted_again(portal: Portal) -> None:
    office(portal)
    visitor = manager(portal)
    page = paste(visitor, rows_of(ANNA, ("=1+1", "Илиев", "boris", "0888000102")), status=422)
    token = page.one("main form input[name=csrf_token]")["value"]
    answer = visitor.client.post(FORM, data=cells(page) | {"csrf_token": token, "action": "download"})
    assert answer.mimetype == "text/tab-separated-values"
    assert answer.headers["Content-Disposition"] == "attachment; filename=to-correct.tsv"
    table = answer.get_data(as_text=True)
    assert "Анна" not in table
    assert "'=1+1" in table
    corrected = table.replace("boris", BORIS[2]).replace("'=1+1", "Борис")
    page = paste(visitor, corrected)
    assert cells(page)["given_name"] == ["Борис"]


@pytest.mark.parametrize("fields", [{}, {"pasted": " \r\n\t\t\r\n"}, {"given_name": ["", " "]}])
def test_nothing_pasted_is_said(portal: Portal, fields: dict[str, Any]) -> None:
    stand_in = office(portal)
    visitor = manager(portal)
    page = visitor.send(visitor.open(FORM), fields | {"action": "add"}, status=422)
    assert page.links("#faults") == {"Paste or type at least one row.": "#grid"}
    assert stand_in.asked == []


def test_five_thousand_rows_are_taken_and_one_more_is_given_back_as_it_was(portal: Portal) -> None:
    stand_in = office(portal, check_people=lambda _, people: PeopleCheck(rows=[], good=len(people), bad=0))
    visitor = manager(portal)
    rows = [("Анна", "Петрова", f"a{n}@broker.example", "+359880000101") for n in range(5_001)]
    token = visitor.open(FORM).one("main form input[name=csrf_token]")["value"]
    answer = visitor.client.post(FORM, data={"csrf_token": token, "pasted": rows_of(*rows[:5_000])})
    assert answer.status_code == 200
    assert len(stand_in.told("check_people")[0][0][1]) == 5_000
    page = paste(visitor, rows_of(*rows), status=422)
    assert page.faults == ["These are 5001 rows. At most 5000 can be added at once."]
    assert page.one("#pasted").get_text().count("@broker.example") == 5_001
    assert len(stand_in.told("check_people")) == 1


def test_columns_left_out_are_named(portal: Portal) -> None:
    office(portal)
    text = "Име\tФамилия\tИмейл\tТелефон\t<b>Отдел</b>\r\nАнна\tПетрова\tanna@broker.example\t0888000101\tЩети"
    assert "These columns were left out: <b>Отдел</b>." in paste(manager(portal), text).text


def test_a_cell_is_shown_as_text_whatever_it_holds(portal: Portal) -> None:
    office(portal)
    evil = '"><script>alert(1)</script>'
    page = paste(manager(portal), rows_of((evil, "Петрова", "anna@broker.example", "0888000101")), status=422)
    assert evil in cells(page)["given_name"]
