"""Reads the operator's products, and refuses what cannot be sold or invoiced."""

from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from typing import Any

KINDS = ("seats", "training")
HOURS_RULES = ("exact", "at_least")
VAT_CATEGORIES = ("S", "Z", "E", "AE", "O")
# In these no VAT is charged, and the invoice must give the ground (EN 16931, BR-E-10, BR-AE-10, BR-O-10).
GROUNDED_CATEGORIES = ("E", "AE", "O")


class CatalogueInvalid(Exception):
    """A product of the operator's file says something impossible."""


def product_facts(entry: Mapping[str, Any], place: int, trainings: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """The columns of a product; raises `CatalogueInvalid` in words that name the product."""
    sku = str(entry.get("sku", ""))
    _require(bool(sku) and len(sku) <= 60, f"product {place}", "sku is missing or too long")
    kind, category = entry.get("kind"), entry.get("vat_category", "S")
    rate, ground = _number(entry, "vat_rate", sku), entry.get("vat_ground") or None
    _require(kind in KINDS, sku, "kind is seats or training")
    _require(entry.get("currency", "EUR") == "EUR", sku, "currency is EUR: documents since 2026 are in euro alone")
    _require(category in VAT_CATEGORIES, sku, f"vat_category is one of {', '.join(VAT_CATEGORIES)}")
    _require((rate > 0) == (category == "S"), sku, "only vat_category S has a vat_rate above 0, and it must")
    _require(bool(ground) == (category in GROUNDED_CATEGORIES), sku, "vat_ground goes with vat_category E, AE and O")
    rule = entry.get("hours_rule", "exact")
    _require(rule in HOURS_RULES, sku, "hours_rule is exact or at_least")
    training = entry.get("training")
    _require(training is None or training in trainings, sku, f"there is no training {training!r}")
    modules = [_module(module) for module in trainings[training]["modules"]] if training else []
    _require(kind != "training" or bool(modules), sku, "a training needs modules")
    return {
        "sku": sku,
        "name": dict(entry.get("name", {})),
        "description": dict(entry.get("description", {})),
        "kind": kind,
        "price": _price(entry, sku),
        "currency": "EUR",
        "vat_category": category,
        "vat_rate": rate,
        "vat_ground": ground,
        "validity_months": int(entry.get("validity_months", 12)),
        "choose_modules": bool(entry.get("choose_modules", False)),
        "minutes_required": int(entry.get("minutes_required", 0)),
        "hours_rule": rule,
        "modules": modules,
        "place": place,
        "on_sale": True,
    }


def _module(module: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "code": module["code"],
        "name": dict(module["name"]),
        "minutes": int(module["minutes"]),
        "summary": dict(module.get("summary", {})),
    }


def _price(entry: Mapping[str, Any], sku: str) -> Decimal:
    price = _number(entry, "price", sku)
    _require(price == price.quantize(Decimal("0.01")) and price < 10**7, sku, "price is in whole cents")
    return price.quantize(Decimal("0.01"))


def _number(entry: Mapping[str, Any], name: str, sku: str) -> Decimal:
    value = entry.get(name, "0")
    _require(isinstance(value, str | int), sku, f"{name} is written as a text, not as a fraction")
    try:
        number = Decimal(value)
    except InvalidOperation:
        raise CatalogueInvalid(f"{sku}: {name} is no number") from None
    _require(number.is_finite() and number >= 0, sku, f"{name} is not below 0")
    return number.quantize(Decimal("0.01")) if name == "vat_rate" else number


def _require(holds: bool, where: str, otherwise: str) -> None:
    if not holds:
        raise CatalogueInvalid(f"{where}: {otherwise}")
