"""The import rules of pyproject.toml hold, and would be noticed if they did not."""

from __future__ import annotations

import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from tests.architecture.repository import ROOT

LINT = [str(Path(sys.executable).with_name("lint-imports")), "--no-logo", "--no-cache"]

ROOMS = {
    "libs/contracts/orders.py": "",
    "libs/chassis/clock.py": "",
    "libs/chassis/database.py": "from libs.chassis import patience",
    "libs/chassis/patience.py": "",
    "libs/chassis/settings.py": "",
    "libs/messaging/rpc.py": "",
    "services/orders/model/order.py": "",
    "services/orders/handlers/placing.py": "",
    "services/orders/queries.py": "",
    "services/orders/rpc.py": "",
    "services/licensing/model/pool.py": "",
    "gateway/app.py": "",
    "operations/installation.py": "",
}
BREAKS = {
    "Services know each other": ("services/licensing/model/pool.py", "from services.orders.model import order"),
    "Inside a service": ("services/orders/model/order.py", "from services.orders.handlers import placing"),
    "The model talks to nobody": ("services/orders/model/order.py", "import requests"),
    "The gateway has no database": ("gateway/app.py", "import sqlalchemy"),
    "In libs": ("libs/chassis/clock.py", "from libs.messaging import rpc"),
    "Libraries know neither": ("libs/messaging/rpc.py", "from services.orders import queries"),
    "Operators' tools look from outside": ("operations/installation.py", "from services.orders import queries"),
    "Nobody in the house": ("gateway/app.py", "from operations import installation"),
    "Contracts import no framework": ("libs/contracts/orders.py", "import flask"),
}


def _build(folder: Path, changed: dict[str, str]) -> None:
    for name, text in {**ROOMS, **changed}.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text + "\n")
        for package in path.relative_to(folder).parents[:-1]:
            (folder / package / "__init__.py").touch()
    (folder / "pyproject.toml").write_bytes((ROOT / "pyproject.toml").read_bytes())


def _broken(folder: Path) -> list[str]:
    done = subprocess.run(LINT, cwd=folder, capture_output=True, text=True, timeout=100, check=False)  # noqa: S603
    output = " ".join(done.stdout.split())
    names = [
        one["name"] for one in tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
    ]
    broken = [name for name in names if f"{name} BROKEN" in output]
    assert (done.returncode != 0) == bool(broken), done.stdout + done.stderr
    return broken


def test_the_import_rules_hold() -> None:
    assert _broken(ROOT) == []


@pytest.mark.parametrize("rule", BREAKS)
def test_a_broken_import_rule_is_noticed(rule: str, tmp_path: Path) -> None:
    path, line = BREAKS[rule]
    _build(tmp_path, {path: line})
    assert any(name.startswith(rule) for name in _broken(tmp_path))


def test_a_house_that_keeps_the_rules_passes(tmp_path: Path) -> None:
    _build(tmp_path, {})
    assert _broken(tmp_path) == []
