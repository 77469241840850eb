"""An operator's file is checked when it is read."""

from pathlib import Path

import pytest

from libs.chassis.operator import PRESETS, OperatorInvalid, load_operator
from libs.chassis.trainings import load_trainings


@pytest.mark.parametrize("preset", sorted(path.stem for path in PRESETS.glob("*.toml")))
def test_every_preset_is_complete_in_both_languages(preset: str) -> None:
    operator = load_operator(preset)
    trainings = load_trainings()
    for product in operator.products:
        assert set(product["name"]) == set(product["description"]) == {"bg", "en"}
        if product["kind"] == "training":
            assert product["minutes_required"] <= sum(m["minutes"] for m in trainings[product["training"]]["modules"])
    assert operator.demo["accounts"]


def test_an_unknown_preset_is_told_with_the_known_ones() -> None:
    with pytest.raises(OperatorInvalid, match=r"Known presets: .*demo"):
        load_operator("circus")


def test_a_wrong_iban_is_refused_before_anyone_pays_to_it(tmp_path: Path) -> None:
    text = (PRESETS / "demo.toml").read_text(encoding="utf-8").replace("BG80BNBG", "BG81BNBG")
    wrong = tmp_path / "wrong.toml"
    wrong.write_text(text, encoding="utf-8")
    with pytest.raises(OperatorInvalid, match="IBAN"):
        load_operator(str(wrong))


def test_a_missing_part_is_named(tmp_path: Path) -> None:
    text = (PRESETS / "demo.toml").read_text(encoding="utf-8").replace("[support]", "[helpers]")
    wrong = tmp_path / "wrong.toml"
    wrong.write_text(text, encoding="utf-8")
    with pytest.raises(OperatorInvalid, match="support"):
        load_operator(str(wrong))
