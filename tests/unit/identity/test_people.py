"""Names, addresses, phones and numbers of organisations."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from libs.contracts.base import load
from libs.contracts.errors import Invalid
from libs.contracts.identity import BeginSignIn, NewPerson
from services.identity.handlers.throttling import network_of
from services.identity.model.eik import is_valid_eik
from services.identity.model.people import Cell, check_rows, checked_email, checked_name, checked_phone, the_person


@pytest.mark.parametrize(
    "name", ["Анна-Мария", "O'Neil", "d’Artagnan", "St. John", "李", "Jürgen", "Ёлкин", "María José", "И."]
)
def test_names_in_any_script_are_names(name: str) -> None:
    assert checked_name(f"  {name} ").value == name
    assert checked_name(name).fault is None


@pytest.mark.parametrize("name", ["=1+1", "+359", "-cmd", "@SUM(A1)", "1van", "Иван2", "a\tb=c", "<b>", "'", "Ив;ан"])
def test_formulas_and_figures_are_no_names(name: str) -> None:
    assert checked_name(name).fault == "not_a_name"


@pytest.mark.story("MON-05")
@pytest.mark.parametrize(
    ("typed", "region", "number"),
    [
        ("0888 123 456", "BG", "+359888123456"),
        ("+359888123456", "BG", "+359888123456"),
        ("00359888123456", "BG", "+359888123456"),
        ("359888123456", "BG", "+359888123456"),
        ("888123456", "BG", "+359888123456"),
        ("02 9876543", "BG", "+35929876543"),
        ("+359 (2) 987-65-43", "BG", "+35929876543"),
        ("8 (029) 123 45 67", "BY", "+375291234567"),
    ],
)
def test_phones_are_brought_to_one_form(typed: str, region: str, number: str) -> None:
    assert checked_phone(typed, region).value == number


@pytest.mark.parametrize("typed", ["088812345", "08881234567", "0888CALLME", "=0888123456", "+", "112"])
def test_what_is_no_phone_is_told(typed: str) -> None:
    assert checked_phone(typed, "BG").fault == "not_a_phone"


@pytest.mark.parametrize("typed", ["ivan@", "ivan", "@b.bg", "a b@c.bg", "a@b", "a@b.bg, c@d.bg", "a@localhost"])
def test_what_is_no_address_is_told(typed: str) -> None:
    assert checked_email(typed).fault == "not_an_email"


def test_addresses_are_lower_case() -> None:
    assert checked_email(" Ivan.Petrov@Broker.Example ").value == "ivan.petrov@broker.example"


@pytest.mark.parametrize("number", ["175074752", "831650349", "8316503490011", "1750747520019", "1216992020019"])
def test_numbers_with_right_check_digits_pass(number: str) -> None:
    assert is_valid_eik(number)


@pytest.mark.parametrize(
    ("number", "wrong"),
    [
        ("8316503490055", "8316503490050"),  # 9·2+5·5 = 43, that is 10: again, 9·4+5·7 = 71, that is 5
        ("8316503490940", "8316503490949"),  # 9·2+9·3+4·5 = 65, that is 10: again 10, which counts as 0
    ],
)
def test_a_sum_of_ten_is_taken_again_with_the_second_weights(number: str, wrong: str) -> None:
    assert is_valid_eik(number)
    assert not is_valid_eik(wrong)


@pytest.mark.parametrize(
    "number", ["175074751", "8316503490012", "1750747520010", "12345", "83165034x", "٨٣١٦٥٠٣٤٩", ""]
)
def test_numbers_with_wrong_check_digits_do_not(number: str) -> None:
    assert not is_valid_eik(number)


def test_of_three_alike_each_names_another() -> None:
    twin = NewPerson(given_name="Иван", family_name="Петров", email="i@b.bg", phone="0888123456")
    rows = check_rows([twin, twin, twin], "BG")
    assert [row.faults[0].params for row in rows] == [{"row": "2"}, {"row": "1"}, {"row": "1"}]
    assert [len(row.faults) for row in rows] == [1, 1, 1]


@pytest.mark.parametrize(("check", "longest"), [(checked_email, 254), (lambda text: checked_phone(text, "BG"), 40)])
def test_what_is_too_long_is_told(check: Callable[[str], Cell], longest: int) -> None:
    assert check("1" * (longest + 1)).fault == "too_long"
    assert check("1" * longest).fault != "too_long"


def test_two_bad_addresses_are_not_called_twins() -> None:
    rows = check_rows([NewPerson(email="x"), NewPerson(email="x")], "BG")
    assert {fault.code for row in rows for fault in row.faults} == {"required", "not_an_email"}


texts = st.text(max_size=120)


@given(given_name=texts, family_name=texts, email=texts, phone=texts)
def test_a_row_is_refused_when_and_only_when_the_person_is(
    given_name: str, family_name: str, email: str, phone: str
) -> None:
    typed = NewPerson(given_name=given_name, family_name=family_name, email=email, phone=phone)
    (row,) = check_rows([typed], "BG")
    try:
        the_person(typed, "BG")
        alone = []
    except Invalid as refusal:
        alone = [(fault.field, fault.code) for fault in refusal.faults]
    assert alone == [(fault.field, fault.code) for fault in row.faults]


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("2001:db8::1", "2001:db8::/64"),
        ("2001:db8::ffff", "2001:db8::/64"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("unknown", ""),
        ("", ""),
    ],
)
def test_a_network_is_an_address_or_a_household(address: str, network: str) -> None:
    assert network_of(address) == network


@pytest.mark.parametrize("text", ["a\x00b", "a\ud800b"])
def test_a_text_that_no_database_keeps_is_refused_at_the_rim(text: str) -> None:
    with pytest.raises(Invalid) as refusal:
        load(BeginSignIn, {"login": text, "password": "x", "browser_digest": "b" * 64})
    assert [(fault.field, fault.code) for fault in refusal.value.faults] == [("login", "not_a_text")]
