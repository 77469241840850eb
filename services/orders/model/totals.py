"""Sums of an order as EN 16931 wants them: VAT is reckoned and rounded once for each category."""

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from typing import Protocol

from libs.chassis.money import to_cents, vat_of


class Priced(Protocol):
    """What totals need of a line."""

    @property
    def net(self) -> Decimal: ...
    @property
    def vat_category(self) -> str: ...
    @property
    def vat_rate(self) -> Decimal: ...
    @property
    def vat_ground(self) -> str | None: ...


@dataclass(frozen=True, kw_only=True)
class VatGroup:
    """Base and VAT of one category at one rate on one ground."""

    category: str
    rate: Decimal
    ground: str | None
    base: Decimal
    vat: Decimal


@dataclass(frozen=True, kw_only=True)
class Totals:
    """Net, VAT and gross of an order; the groups add up to them."""

    groups: tuple[VatGroup, ...]
    net: Decimal
    vat: Decimal
    gross: Decimal


def line_net(unit_price: Decimal, quantity: int) -> Decimal:
    """The line's net sum (EN 16931, BT-131)."""
    return to_cents(unit_price * quantity)


def totals_of(lines: Iterable[Priced]) -> Totals:
    """Add up the lines (EN 16931, BR-CO-10 to BR-CO-17)."""
    bases: dict[tuple[str, Decimal, str | None], Decimal] = {}
    for line in lines:
        key = (line.vat_category, line.vat_rate, line.vat_ground)
        bases[key] = bases.get(key, Decimal("0.00")) + line.net
    groups = tuple(
        VatGroup(category=category, rate=rate, ground=ground, base=base, vat=vat_of(base, rate))
        for (category, rate, ground), base in sorted(bases.items(), key=lambda item: (-item[0][1], item[0][0]))
    )
    net = sum((group.base for group in groups), Decimal("0.00"))
    vat = sum((group.vat for group in groups), Decimal("0.00"))
    return Totals(groups=groups, net=net, vat=vat, gross=net + vat)
