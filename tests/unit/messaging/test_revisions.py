"""Which migration is the newest, found by reading files."""

from pathlib import Path

import pytest

from libs.messaging.revisions import head_revision


def write(folder: Path, **revisions: str) -> None:
    (folder / "versions").mkdir(exist_ok=True)
    for name, text in revisions.items():
        (folder / "versions" / f"{name}.py").write_text(text)


def test_the_head_is_the_revision_that_no_other_builds_upon(tmp_path: Path) -> None:
    write(
        tmp_path,
        a='revision = "0001"\ndown_revision = None\n',
        b='revision: str = "0002"\ndown_revision: str | None = "0001"\n',
        c="import this_is_never_imported\n",
    )

    assert head_revision(tmp_path) == "0002"


def test_a_folder_without_migrations_has_no_head(tmp_path: Path) -> None:
    assert head_revision(tmp_path) is None


def test_two_heads_are_an_error(tmp_path: Path) -> None:
    write(
        tmp_path,
        a='revision = "0001"\ndown_revision = None\n',
        b='revision = "0002"\ndown_revision = "0001"\n',
        c='revision = "0003"\ndown_revision = "0001"\n',
    )

    with pytest.raises(ValueError, match="several heads: 0002, 0003"):
        head_revision(tmp_path)
