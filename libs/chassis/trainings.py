"""The index of trainings and their modules: the catalogue and the certificates read the same page."""

import tomllib
from functools import cache
from pathlib import Path
from typing import Any

TRAININGS = Path(__file__).resolve().parents[2] / "config" / "trainings"


@cache
def load_trainings() -> dict[str, dict[str, Any]]:
    """Training sku → ``name`` and ``modules`` (code, minutes, name, summary) in the order of the page."""
    data = tomllib.loads((TRAININGS / "modules.toml").read_text(encoding="utf-8"))
    return {training["sku"]: training for training in data["trainings"]}
