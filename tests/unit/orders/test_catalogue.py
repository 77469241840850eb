"""The operator's products."""

from __future__ import annotations

from decimal import Decimal

import pytest

from libs.chassis.operator import PRESETS, load_operator
from libs.chassis.trainings import load_trainings
from services.orders.adapters.catalogue import CatalogueInvalid, product_facts

GOOD = {
    "sku": "maintenance-15h",
    "kind": "training",
    "training": "maintenance-15h",
    "choose_modules": True,
    "minutes_required": 900,
    "name": {"bg": "Обучение", "en": "Training"},
    "price": "48.00",
    "vat_category": "S",
    "vat_rate": "20",
}


@pytest.mark.parametrize("preset", sorted(path.stem for path in PRESETS.glob("*.toml")))
def test_every_preset_can_be_sold(preset: str) -> None:
    products = load_operator(preset).products
    facts = [product_facts(product, place, load_trainings()) for place, product in enumerate(products, start=1)]
    assert len({fact["sku"] for fact in facts}) == len(products)


def test_price_rate_and_modules_are_taken_over() -> None:
    facts = product_facts(GOOD, 1, load_trainings())
    assert (facts["price"], facts["vat_rate"], facts["vat_ground"]) == (Decimal("48.00"), Decimal("20.00"), None)
    assert facts["modules"][0].keys() == {"code", "name", "minutes", "summary"}


def test_exempt_product_carries_its_ground() -> None:
    exempt = GOOD | {"vat_category": "E", "vat_rate": "0", "vat_ground": "чл. 41, т. 1, б. „а“ ЗДДС"}
    assert product_facts(exempt, 1, load_trainings())["vat_ground"].startswith("чл. 41")


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"sku": ""}, "sku"),
        ({"kind": "gift"}, "kind"),
        ({"price": 48.0}, "not as a fraction"),
        ({"price": "48.005"}, "whole cents"),
        ({"price": "-1"}, "below 0"),
        ({"price": "NaN"}, "below 0"),
        ({"price": "a lot"}, "no number"),
        ({"currency": "BGN"}, "euro"),
        ({"vat_category": "X"}, "vat_category"),
        ({"vat_rate": "0"}, "vat_rate above 0"),
        ({"vat_category": "E"}, "vat_rate above 0"),
        ({"vat_category": "E", "vat_rate": "0"}, "vat_ground"),
        ({"vat_ground": "чл. 41"}, "vat_ground"),
        ({"hours_rule": "about"}, "hours_rule"),
        ({"training": "no-such"}, "no training"),
        ({"training": None}, "needs modules"),
    ],
)
def test_impossible_product_is_refused_in_words(wrong: dict[str, object], says: str) -> None:
    with pytest.raises(CatalogueInvalid, match=says):
        product_facts(GOOD | wrong, 1, load_trainings())
