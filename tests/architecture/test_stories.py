"""Every story has a test that names it."""

from __future__ import annotations

import ast
from pathlib import Path

from tests.architecture.repository import python_files, tree_of

STORIES = {f"MON-{n:02}" for n in range(1, 44)} | {f"INS-{n:02}" for n in range(1, 46)}


def named_in(tree: ast.Module) -> set[str]:
    """The stories that `pytest.mark.story(...)` names in a module."""
    return {
        argument.value
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "story"
        for argument in node.args
        if isinstance(argument, ast.Constant) and isinstance(argument.value, str)
    }


def without_test(stories: set[str], trees: list[ast.Module]) -> set[str]:
    """Stories that no module names."""
    return stories - set().union(*map(named_in, trees))


def _trees() -> list[ast.Module]:
    return [tree_of(path) for path in python_files("tests") if path.name.startswith("test_") and _is_a_test(path)]


def _is_a_test(path: Path) -> bool:
    return "architecture" not in path.parts


def test_every_story_is_named_by_a_test() -> None:
    assert sorted(without_test(STORIES, _trees())) == []


def test_no_test_names_a_story_that_there_is_not() -> None:
    assert sorted(set().union(*map(named_in, _trees())) - STORIES) == []


def test_a_story_without_a_test_is_found() -> None:
    module = ast.parse('@pytest.mark.story("MON-01", "MON-02")\ndef test_landing(): ...')
    assert without_test({"MON-01", "MON-02", "MON-03"}, [module]) == {"MON-03"}
