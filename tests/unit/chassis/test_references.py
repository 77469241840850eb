"""References survive what banks and people do to them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from libs.chassis.references import find_references, group, is_reference, make_reference

BODY = st.from_regex(r"[0-9A-Z]{13}", fullmatch=True)


def test_known_references_of_iso_11649_come_out() -> None:
    assert make_reference("2026001234") == "RF222026001234"
    assert make_reference("INV0000000123") == "RF33INV0000000123"


def test_a_reference_is_printed_in_groups_of_four() -> None:
    assert group("RF33INV0000000123") == "RF33 INV0 0000 0012 3"


@given(st.from_regex(r"[0-9]{13}", fullmatch=True))
def test_every_made_reference_is_valid_and_a_slip_of_one_digit_is_not(body: str) -> None:
    reference = make_reference(body)
    assert is_reference(reference)
    slipped = reference[:-1] + ("0" if reference[-1] != "0" else "1")
    assert not is_reference(slipped)


@pytest.mark.parametrize(
    "text",
    [
        "RF33INV0000000123",
        "rf33 inv0 0000 0012 3",
        "плащане по RF33INV0000000123 за обучение",
        "РФ33INV0000000123",
        "ПО ПРОФОРМА 0000000147RF33INV0000000123КРАЙ",
        "RF33-INV0-0000-0012-3",
        "RF33INV00\n00000123",
    ],
)
def test_a_reference_is_found_in_what_banks_make_of_it(text: str) -> None:
    assert list(find_references(text, 13)) == ["RF33INV0000000123"]


@pytest.mark.parametrize("text", ["", "RF", "RF34INV0000000123", "RF33INV000000012", "фактура 33"])
def test_what_is_no_reference_is_not_found(text: str) -> None:
    assert list(find_references(text, 13)) == []


@given(BODY, st.sampled_from([" ", "", "-", "  "]), st.sampled_from(["АBC", "ВH", ""]))
def test_spaces_and_case_and_company_do_not_hide_a_reference(body: str, gap: str, prefix: str) -> None:
    reference = make_reference(body)
    mangled = gap.join(reference[i : i + 4] for i in range(0, len(reference), 4)).lower()
    assert reference in list(find_references(f"{prefix} {mangled}", 13))
