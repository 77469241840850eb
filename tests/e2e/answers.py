"""The right answers of the demo tests, as a person who has read the module knows them."""

from __future__ import annotations

import tomllib
from typing import Any

from libs.chassis.trainings import TRAININGS


def right_answers(sku: str, code: str, language: str) -> dict[str, str]:
    """Question → right choice, in the words of the page."""
    data: dict[str, Any] = tomllib.loads((TRAININGS / sku / code / "test.toml").read_text(encoding="utf-8"))
    return {question["text"][language]: question["right"][language] for question in data["questions"]}
