"""What the texts of a transfer say."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from libs.chassis import references
from services.orders.model.evidence import distance, evidence_in, reference_of, same_name

BODY = "2026000147"
REFERENCE = references.make_reference(BODY)
CHECK = REFERENCE[2:4]


@pytest.mark.parametrize(
    "text",
    [
        REFERENCE,
        REFERENCE.lower(),
        references.group(REFERENCE),
        f"ПЛАЩАНЕ ПО ПРОФОРМА{REFERENCE}ОТ20.11.2026",
        f"{REFERENCE[:6]}\n{REFERENCE[6:]}",
        f"РФ{REFERENCE[2:]}",
        f"рф {CHECK} 2026 0001 47",
        f"РF{REFERENCE[2:]}",
        f"RF{CHECK}2О26ООО147",
        f"RF{CHECK}-2026-000147.",
        f"RF{CHECK} 2026–000 147",
    ],
)
def test_reference_is_found_through_what_people_and_banks_do(text: str) -> None:
    assert evidence_in(text).references == {REFERENCE}


def test_check_digits_without_their_letters_still_count() -> None:
    assert evidence_in(f"проформа {CHECK} 2026 0001 47").bare == {REFERENCE}


@given(st.integers(2020, 2099), st.integers(1, 9_999_999))
def test_references_are_reckoned_as_the_standard_says(year: int, count: int) -> None:
    number = f"{year}{count:06d}"
    assert reference_of(number) == references.make_reference(number)
    assert evidence_in(reference_of(number)).references == {reference_of(number)}


@given(st.integers(0, 11), st.integers(1, 9))
def test_one_wrong_digit_is_never_taken_for_a_reference(place: int, step: int) -> None:
    digits = REFERENCE[2:]
    wrong = digits[:place] + str((int(digits[place]) + step) % 10) + digits[place + 1 :]
    evidence = evidence_in(f"RF{wrong}")
    assert REFERENCE not in evidence.references | evidence.bare
    assert wrong[2:] not in evidence.numbers


@given(st.integers(0, 10))
def test_swapped_digits_are_one_slip(place: int) -> None:
    digits = REFERENCE[2:]
    swapped = digits[:place] + digits[place + 1] + digits[place] + digits[place + 2 :]
    evidence = evidence_in(f"RF{swapped}")
    if swapped == digits:
        assert evidence.references == {REFERENCE}
    elif evidence.damaged:
        assert evidence.slips(REFERENCE) == 1


def test_number_of_an_order_is_found_without_its_separator_too() -> None:
    for text in ("поръчка 2026-000147", "2026000147", "по проформа2026 000147от 20.11.2026"):
        evidence = evidence_in(text)
        assert BODY in evidence.numbers
        assert evidence.references == frozenset()
        assert evidence.slips(REFERENCE) == 0


def test_words_dates_and_accounts_are_no_evidence() -> None:
    evidence = evidence_in("Обучение 15 часа, 20.11.2026, BG80BNBG96611020345678, тел. 0888123456")
    assert (evidence.references, evidence.damaged) == (frozenset(), frozenset())
    assert evidence.slips(REFERENCE) is None or evidence.slips(REFERENCE) > 2  # type: ignore[operator]


@given(st.text(max_size=300))
def test_any_text_can_be_read(text: str) -> None:
    evidence = evidence_in(text)
    assert all(references.is_reference(found) for found in evidence.references | evidence.bare)


@pytest.mark.parametrize(
    ("one", "other", "slips"),
    [
        ("2026", "2026", 0),
        ("2026", "2062", 1),
        ("2026", "206", 1),
        ("2026", "20266", 1),
        ("2026", "1999", 4),
        ("", "ab", 2),
    ],
)
def test_slips_are_counted(one: str, other: str, slips: int) -> None:
    assert distance(one, other) == distance(other, one) == slips


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("Примерен брокер ООД", "PRIMEREN BROKER OOD", True),
        ("„Примерен брокер“ ООД", "ПРИМЕРЕН БРОКЕР", True),
        ("Застрахователен брокер Сигурност ООД", "ЗАСТРАХОВАТЕЛЕН БРОКЕР СИГУ", True),
        ("Застрахователен брокер 1 ООД", "Застрахователен брокер 12 ООД", False),
        ("Примерен брокер ООД", "Примерна банка АД", False),
        ("Щит ЕООД", "ЩИТ 2 ЕООД", False),
        ("А ООД", "А ЕООД", False),
        ("", "Примерен брокер ООД", False),
    ],
)
def test_names_are_compared_across_alphabets_and_legal_forms(one: str, other: str, same: bool) -> None:
    assert same_name(one, other) is same_name(other, one) is same
