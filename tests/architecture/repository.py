"""What the rules look at: the repository's own files."""

from __future__ import annotations

import ast
import subprocess
from collections.abc import Iterator
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SERVICES = ("certificates", "identity", "licensing", "mfa", "notifications", "orders")


@cache
def tracked_files() -> tuple[Path, ...]:
    """Every file that git knows, and that is there."""
    listed = subprocess.run(
        ["git", "ls-files", "-z"],  # noqa: S607  git is where the person who runs the tests has it
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    return tuple(path for name in listed.split("\0") if name and (path := ROOT / name).is_file())


def python_files(*folders: str) -> Iterator[Path]:
    """The tracked Python files below the folders."""
    for path in tracked_files():
        if path.suffix == ".py" and path.relative_to(ROOT).parts[0] in folders:
            yield path


@cache
def tree_of(path: Path) -> ast.Module:
    """The parsed file."""
    return ast.parse(path.read_text(encoding="utf-8"), filename=str(path))
