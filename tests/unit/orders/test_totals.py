"""Sums of an order."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from services.orders.model.totals import line_net, totals_of

CENT = Decimal("0.01")
RATES = {"S": ["20.00", "9.00"], "Z": ["0.00"], "E": ["0.00"], "AE": ["0.00"], "O": ["0.00"]}


@dataclass(frozen=True, kw_only=True)
class ALine:
    net: Decimal
    vat_category: str = "S"
    vat_rate: Decimal = Decimal("20.00")
    vat_ground: str | None = None


@st.composite
def some_line(draw: st.DrawFn) -> ALine:
    category = draw(st.sampled_from(sorted(RATES)))
    price = draw(st.decimals("0", "99999.99", places=2))
    return ALine(
        net=line_net(price, draw(st.integers(1, 10_000))),
        vat_category=category,
        vat_rate=Decimal(draw(st.sampled_from(RATES[category]))),
        vat_ground="чл. 41 ЗДДС" if category in ("E", "AE", "O") else None,
    )


@given(st.lists(some_line(), min_size=1, max_size=50))
def test_sums_add_up_to_the_cent(lines: list[ALine]) -> None:
    totals = totals_of(lines)
    assert totals.net == sum(line.net for line in lines) == sum(group.base for group in totals.groups)
    assert totals.vat == sum(group.vat for group in totals.groups)
    assert totals.gross == totals.net + totals.vat
    assert all(amount == amount.quantize(CENT) for amount in (totals.net, totals.vat, totals.gross))


@given(st.lists(some_line(), min_size=1, max_size=50))
def test_vat_of_each_category_is_rounded_once(lines: list[ALine]) -> None:
    for group in totals_of(lines).groups:
        exact = group.base * group.rate / 100
        assert abs(group.vat - exact) <= CENT / 2
        assert group.rate == 0 or group.category == "S"


@given(st.lists(some_line(), min_size=1, max_size=20), st.randoms())
def test_order_of_the_lines_changes_nothing(lines: list[ALine], random: object) -> None:
    shuffled = list(lines)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    assert totals_of(shuffled) == totals_of(lines)


def test_rounding_of_the_sum_differs_from_the_sum_of_roundings() -> None:
    lines = [ALine(net=Decimal("0.03"))] * 3
    assert totals_of(lines).vat == Decimal("0.02")


def test_half_a_cent_goes_up() -> None:
    assert totals_of([ALine(net=Decimal("0.50"), vat_rate=Decimal("9.00"))]).vat == Decimal("0.05")


def test_same_category_on_two_grounds_makes_two_groups() -> None:
    lines = [
        ALine(net=Decimal("1.00"), vat_category="E", vat_rate=Decimal("0.00"), vat_ground=ground)
        for ground in ("чл. 41 ЗДДС", "чл. 113, ал. 9 ЗДДС")
    ]
    assert [group.base for group in totals_of(lines).groups] == [Decimal("1.00")] * 2
