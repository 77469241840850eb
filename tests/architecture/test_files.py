"""What may stand in a file of this repository: its length, its language, the hosts it names."""

from __future__ import annotations

import ast
import io
import re
import tokenize
from pathlib import Path

from tests.architecture.repository import ROOT, python_files, tracked_files

LONGEST = 400
# One file for each service by decision, and nothing in it but shapes of data.
DATA_ONLY = ROOT / "libs" / "contracts"
# A comment may quote a letter or a short mark of another script, not speak its language.
CYRILLIC = re.compile(r"[\u0400-\u04ff]{4,}")
AMERICAN = re.compile(r"(?i)organization|enrollment|behavior|licenced|canceled|catalog(?!ue)")
# Joined here, so that this file does not name them either.
REGISTRIES = tuple(
    ".".join(parts)
    for parts in (
        ("pypi", "org"),
        ("pythonhosted", "org"),
        ("npmjs", "org"),
        ("npmjs", "com"),
        ("deb", "debian", "org"),
        ("archive", "ubuntu", "com"),
        ("docker", "io"),
        ("ghcr", "io"),
        ("quay", "io"),
        ("crates", "io"),
        ("jsdelivr", "net"),
        ("unpkg", "com"),
    )
)
PLACES = tuple("/" + "/".join(parts) for parts in (("work", "main"), ("root",), ("opt", "pypi"), ("opt", "wheels")))


def too_long(path: Path) -> int | None:
    """The number of lines, where it is too large."""
    lines = path.read_text(encoding="utf-8").count("\n")
    return lines if lines > LONGEST else None


def foreign_words(source: str) -> list[int]:
    """Lines with a comment, or a name that is given here, that is not English as we write it.

    Strings may speak the customers' language, and a library's names are its own affair.
    """
    tokens = tokenize.generate_tokens(io.StringIO(source).readline)
    words = [(token.start[0], token.string) for token in tokens if token.type == tokenize.COMMENT]
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            words.append((node.lineno, node.name))
        elif isinstance(node, ast.arg):
            words.append((node.lineno, node.arg))
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            words.append((node.lineno, node.id))
    return sorted(line for line, word in words if CYRILLIC.search(word) or AMERICAN.search(word))


def hosts_named(text: str) -> list[str]:
    """Registries and places of one machine that a text names."""
    found = [host for host in REGISTRIES if re.search(rf"(?<![\w-]){re.escape(host)}\b", text)]
    return found + [place for place in PLACES if re.search(rf"(?<![\w/.]){re.escape(place)}(?![\w-])", text)]


def test_no_file_is_longer_than_one_can_keep_in_mind() -> None:
    long = {
        str(path.relative_to(ROOT)): lines
        for path in python_files("libs", "services", "gateway", "operations", "deploy", "tests")
        if (lines := too_long(path)) is not None and not path.is_relative_to(DATA_ONLY)
    }
    assert long == {}


def test_names_and_comments_are_british_english() -> None:
    foreign = {
        str(path.relative_to(ROOT)): lines
        for path in python_files("libs", "services", "gateway", "operations", "deploy", "tests")
        if (lines := foreign_words(path.read_text(encoding="utf-8"))) and path != Path(__file__)
    }
    assert foreign == {}


def test_no_file_names_a_registry_or_a_place_of_one_machine() -> None:
    named = {}
    for path in tracked_files():
        if "vendor" in path.parts:
            continue
        try:
            text = path.read_text(encoding="utf-8")
        except UnicodeDecodeError:
            continue
        if found := hosts_named(text):
            named[str(path.relative_to(ROOT))] = found
    assert named == {}


def test_a_long_file_is_found(tmp_path: Path) -> None:
    (tmp_path / "long.py").write_text("pass\n" * (LONGEST + 1))
    (tmp_path / "short.py").write_text("pass\n" * LONGEST)
    assert too_long(tmp_path / "long.py") == LONGEST + 1
    assert too_long(tmp_path / "short.py") is None


def test_a_foreign_comment_or_an_american_name_is_found() -> None:
    source = 'title = "Лиценз"\ntitle = 1  # лиценз\norganization = 1\norganisation = 2\n'
    assert foreign_words(source) == [2, 3]


def test_a_registry_and_a_place_are_found() -> None:
    assert hosts_named(f"see https://files.{REGISTRIES[1]}/x") == [REGISTRIES[1]]
    assert hosts_named(f"cd {PLACES[1]}/.ssh") == [PLACES[1]]
    assert hosts_named("the root of the tree, /bankroot, mypypi.organic") == []
