"""Numbers survive being read aloud and typed; a slip is noticed."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.certificates.model.numbers import (
    ALPHABET,
    CHECK_CODE_LENGTH,
    group_check_code,
    make_number,
    new_check_code,
    read_check_code,
    read_number,
)

numbers = st.builds(
    make_number,
    st.text("ABCDEFGHIJKLMNOPQRSTUVWXYZ", min_size=1, max_size=4),
    st.integers(2000, 2099),
    st.integers(1, 99_999_999),
)


def test_a_number_holds_prefix_year_serial_and_check_character() -> None:
    assert make_number("C", 2026, 123) == "C26-000123-S"
    assert make_number("ABCD", 2031, 1_234_567).startswith("ABCD31-1234567-")


@given(numbers)
def test_a_number_is_read_back_however_it_is_spaced_and_spelt(number: str) -> None:
    look_alike = number.translate(str.maketrans("ABEKMHOPCTXY", "АВЕКМНОРСТХУ"))
    for typed in (number, number.lower(), number.replace("-", ""), number.replace("-", " - "), look_alike):
        assert read_number(typed) == number


@given(numbers, st.data())
def test_one_wrong_character_is_noticed(number: str, data: st.DataObject) -> None:
    places = [place for place, character in enumerate(number) if character.isdigit()]
    place = data.draw(st.sampled_from(places))
    other = data.draw(st.sampled_from([digit for digit in "0123456789" if digit != number[place]]))
    assert read_number(number[:place] + other + number[place + 1 :]) is None


def test_neighbouring_digits_that_changed_places_are_nearly_always_noticed() -> None:
    # the standard promises all single slips and nearly all swaps; the check code, not the number, proves anything
    swaps = noticed = 0
    for serial in range(1, 200_000, 97):
        head, body, check = make_number("C", 2026, serial).split("-")
        for place in range(len(body) - 1):
            swapped = body[:place] + body[place + 1] + body[place] + body[place + 2 :]
            if swapped != body:
                swaps += 1
                noticed += read_number(f"{head}-{swapped}-{check}") is None
    assert noticed / swaps > 0.98


@given(st.text(max_size=60))
def test_any_other_text_is_no_number_or_code_and_breaks_nothing(text: str) -> None:
    number = read_number(text)
    assert number is None or read_number(number) == number
    _, code = read_check_code(text)
    assert code is None or set(code) <= set(ALPHABET)


@pytest.mark.parametrize("prefix", ["", "c", "С", "ABCDE", "A1", "-"])
def test_a_prefix_is_one_to_four_latin_capitals(prefix: str) -> None:
    with pytest.raises(ValueError, match="prefix"):
        make_number(prefix, 2026, 1)


def test_serials_count_from_one() -> None:
    with pytest.raises(ValueError, match="count from 1"):
        make_number("C", 2026, 0)


def test_check_codes_are_never_alike_and_hold_over_a_hundred_bits() -> None:
    codes = {new_check_code() for _ in range(2_000)}
    assert len(codes) == 2_000
    assert len(ALPHABET) == 32
    assert CHECK_CODE_LENGTH * 5 >= 100
    for letter in "01IO":
        assert letter not in ALPHABET


@given(numbers)
def test_a_code_is_read_alone_grouped_or_behind_its_number(number: str) -> None:
    code = new_check_code()
    assert read_check_code(code) == read_check_code(group_check_code(code).lower()) == (None, code)
    assert read_check_code(f"{number} {group_check_code(code)}") == (number, code)
    assert read_check_code(f"{number[:-1]}{'A' if number[-1] != 'A' else 'B'} {code}") == (None, None)
    assert read_check_code(code[:-1]) == (None, None)
