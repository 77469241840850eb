"""Rounding of money; the type itself is part of the published language."""

from decimal import ROUND_HALF_UP, Decimal

CENT = Decimal("0.01")


def to_cents(amount: Decimal) -> Decimal:
    """Round half up to two places, as EN 16931 asks of every sum on an invoice."""
    return amount.quantize(CENT, rounding=ROUND_HALF_UP)


def vat_of(base: Decimal, rate: Decimal) -> Decimal:
    """The VAT of one category: its base times ``rate`` percent, rounded once (EN 16931, BR-CO-17)."""
    return to_cents(base * rate / 100)
