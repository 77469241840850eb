"""What people paste from spreadsheets, and how it is read."""

import pytest

from gateway.portal.people.pasting import FIELDS, MOST_CELL, as_table, read
from libs.contracts.identity import NewPerson, PersonRow

ANNA = NewPerson(given_name="Анна", family_name="Петрова", email="anna@broker.example", phone="+359880000101")
BORIS = NewPerson(given_name="Борис", family_name="Илиев", email="boris@broker.example", phone="0888 00 01 02")


def pasted(*rows: str) -> list[NewPerson]:
    """The people in these rows."""
    return read("\r\n".join(rows) + "\r\n").people


@pytest.mark.story("INS-12")
def test_rows_without_headings_are_read_in_the_order_of_the_table() -> None:
    assert pasted(
        "Анна\tПетрова\tanna@broker.example\t+359880000101", "Борис\tИлиев\tboris@broker.example\t0888 00 01 02"
    ) == [ANNA, BORIS]


@pytest.mark.story("INS-12")
@pytest.mark.parametrize(
    "rows",
    [
        ["Име\tФамилия\tИмейл\tТелефон", "Анна\tПетрова\tanna@broker.example\t+359880000101"],
        ["ФАМИЛИЯ\tИМЕ\tGSM\tЕл. поща", "Петрова\tАнна\t+359880000101\tanna@broker.example"],
        ["Phone number\tE-mail\tLast name\tFirst name", "+359880000101\tanna@broker.example\tПетрова\tАнна"],
        [
            "E-mail:\t Собствено  име \tФамилно име*\tМобилен телефон",
            "anna@broker.example\tАнна\tПетрова\t+359880000101",
        ],
        ["Имена\tИмейл\tТелефон", "Анна Петрова\tanna@broker.example\t+359880000101"],
        ["Email\tТрите имена\tТел.", "anna@broker.example\tАнна Петрова\t+359880000101"],
    ],
)
def test_headings_in_two_alphabets_say_what_each_column_holds(rows: list[str]) -> None:
    assert pasted(*rows) == [ANNA]


@pytest.mark.story("INS-12")
@pytest.mark.parametrize(
    "row",
    [
        "anna@broker.example\t+359880000101\tАнна\tПетрова",
        "Анна\tanna@broker.example\tПетрова\t+359880000101",
        "+359880000101\tАнна\tПетрова\tanna@broker.example",
        "Анна Петрова\tanna@broker.example\t+359880000101",
    ],
)
def test_columns_in_another_order_are_known_by_what_stands_in_them(row: str) -> None:
    assert pasted(row) == [ANNA]


def test_three_names_in_three_columns_keep_the_middle_one() -> None:
    rows = ["Анна\tИванова\tПетрова\tanna@broker.example\t+359880000101"]
    assert pasted(*rows)[0].given_name == "Анна Иванова"
    rows = ["Име\tПрезиме\tФамилия\tИмейл", "Анна\tИванова\tПетрова\tanna@broker.example"]
    assert pasted(*rows)[0].given_name == "Анна Иванова"


def test_addresses_that_are_none_at_all_still_stand_in_their_column() -> None:
    assert pasted("Анна\tПетрова\tanna.broker\t0888000101")[0].email == "anna.broker"


def test_columns_that_nobody_asked_for_are_told_and_left_out() -> None:
    found = read("№\tИме\tФамилия\tОтдел\tИмейл\tТелефон\n1\tАнна\tПетрова\tЩети\tanna@broker.example\t+359880000101")
    assert found.people == [ANNA]
    assert found.left_out == ["№", "Отдел"]


def test_of_two_columns_of_one_kind_the_filled_one_counts() -> None:
    head = "Име\tФамилия\tИмейл\tТелефон\tМобилен"
    rows = [
        "Анна\tПетрова\tanna@broker.example\t\t+359880000101",
        "Борис\tИлиев\tboris@broker.example\t0888 00 01 02\t+359880000109",
    ]
    assert pasted(head, *rows) == [ANNA, BORIS]


def test_empty_rows_before_between_and_after_are_passed_over() -> None:
    row = "Анна\tПетрова\tanna@broker.example\t+359880000101"
    assert pasted("", "\t\t\t", row, " \t ", "", "\t\t\t", "") == [ANNA]
    assert read("").people == read(" \r\n\t\t\r\n").people == []


def test_cells_in_quotes_may_hold_line_breaks_tabs_and_quotes() -> None:
    text = '"Анна\nМария"\t"Петрова"\tanna@broker.example\t"+359 88\t0000 101"\r\n'
    assert read(text).people[0] == NewPerson(
        given_name="Анна Мария", family_name="Петрова", email="anna@broker.example", phone="+359 88 0000 101"
    )
    assert read('"О""Нийл"\tПетър\to@broker.example\t0888000101').people[0].given_name == 'О"Нийл'


def test_a_quotation_mark_that_nobody_closed_swallows_no_rows() -> None:
    rows = ['"Пепи\tИлиев\tpepi@broker.example\t0888000103', "Анна\tПетрова\tanna@broker.example\t+359880000101"]
    assert [person.email for person in pasted(*rows)] == ["pepi@broker.example", "anna@broker.example"]
    assert len(pasted(rows[0], *["x\ty\tz@broker.example\t0888000104"] * 5000)) == 5001


def test_semicolons_are_read_where_there_are_no_tabs() -> None:
    assert pasted("Име;Фамилия;Имейл;Телефон", "Анна;Петрова;anna@broker.example;+359880000101") == [ANNA]
    assert pasted("Анна;Мария\tПетрова\tanna@broker.example\t+359880000101")[0].given_name == "Анна;Мария"


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_every_kind_of_line_end_ends_a_row(end: str) -> None:
    row = "Анна\tПетрова\tanna@broker.example\t+359880000101"
    assert read(f"{row}{end}{row}").people == [ANNA, ANNA]


def test_missing_cells_are_empty_and_long_ones_are_cut() -> None:
    assert pasted("Анна\tПетрова") == [NewPerson(given_name="Анна", family_name="Петрова")]
    long = read(f"{'А' * 200_000}\tПетрова\tanna@broker.example\t+359880000101").people[0]
    assert len(long.given_name) == MOST_CELL
    assert long.email == "anna@broker.example"


def test_a_first_row_with_an_address_is_a_person_even_if_it_reads_like_headings() -> None:
    assert pasted("Name\tSurname\tname@broker.example\t+359880000101")[0].given_name == "Name"


def test_formula_text_is_kept_as_typed_so_that_its_check_can_name_it() -> None:
    formula = '=HYPERLINK("http://example.org")'
    found = pasted(f"{formula}\tПетрова\tanna@broker.example\t+359880000101")
    assert found[0].given_name == formula


FORMULAS = ["=1+1", "@SUM(A1)", "-2+3", "+1+cmd|' /C calc'!A0"]


@pytest.mark.parametrize("formula", FORMULAS)
def test_no_cell_of_a_downloaded_table_is_a_formula(formula: str) -> None:
    row = PersonRow(row=1, values=NewPerson(given_name=formula, phone="+359880000101"), faults=[])
    first, _, _, phone = as_table([row], FIELDS).splitlines()[1].split("\t")
    assert first.startswith("'")
    assert phone == "+359880000101"


@pytest.mark.parametrize("headings", [("Given name", "Family name", "E-mail", "Mobile phone"),
                                      ("Име", "Фамилия", "Имейл", "Мобилен телефон")])  # fmt: skip
def test_a_downloaded_table_can_be_pasted_again_and_is_the_same(headings: tuple[str, ...]) -> None:
    people = [
        ANNA,
        BORIS,
        NewPerson(given_name='О"Нийл', family_name="", email="=1", phone="+1+1"),
        *(NewPerson(given_name=text, family_name="Х", email="x", phone="-5") for text in FORMULAS),
    ]
    rows = [PersonRow(row=at, values=person, faults=[]) for at, person in enumerate(people, 1)]
    found = read("\ufeff" + as_table(rows, headings))
    assert found.people == people
    assert found.left_out == []
