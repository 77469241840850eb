"""Migrations are numbered, and each follows the one before it."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

from tests.architecture.repository import ROOT, SERVICES

NAME = re.compile(r"(\d{4})_[a-z0-9_]+\.py")


def revision_of(path: Path) -> tuple[str | None, str | None]:
    """What a migration calls itself and what it says it follows."""
    values: dict[str, str | None] = {}
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        targets = (
            node.targets if isinstance(node, ast.Assign) else [node.target] if isinstance(node, ast.AnnAssign) else []
        )
        for target in targets:
            if isinstance(target, ast.Name) and isinstance(node.value, ast.Constant):  # type: ignore[union-attr]
                values[target.id] = node.value.value  # type: ignore[union-attr]
    return values.get("revision"), values.get("down_revision")


def faults_of(versions: Path) -> list[str]:
    """What is wrong with the migrations of a folder."""
    faults = []
    paths = sorted(path for path in versions.glob("*.py") if path.name != "__init__.py")
    if not paths:
        return [f"{versions} has no migration"]
    for number, path in enumerate(paths, start=1):
        found = NAME.fullmatch(path.name)
        wanted = f"{number:04}"
        if not found or found[1] != wanted:
            faults.append(f"{path.name}: its number should be {wanted}")
        before = None if number == 1 else f"{number - 1:04}"
        if revision_of(path) != (wanted, before):
            faults.append(f"{path.name}: revision and down_revision should be {wanted!r} and {before!r}")
    return faults


@pytest.mark.parametrize("service", SERVICES)
def test_migrations_are_numbered_and_follow_each_other(service: str) -> None:
    assert faults_of(ROOT / "services" / service / "migrations" / "versions") == []


def test_a_gap_or_a_wrong_predecessor_is_found(tmp_path: Path) -> None:
    (tmp_path / "0001_begin.py").write_text('revision = "0001"\ndown_revision = None\n')
    (tmp_path / "0003_more.py").write_text('revision = "0003"\ndown_revision = "0001"\n')
    assert faults_of(tmp_path) == [
        "0003_more.py: its number should be 0002",
        "0003_more.py: revision and down_revision should be '0002' and '0001'",
    ]


def test_a_service_without_migrations_is_found(tmp_path: Path) -> None:
    assert len(faults_of(tmp_path)) == 1
