"""Which revision a database is at, and which one the code wants; without Alembic, which the processes need not load."""

import ast
import importlib
import pkgutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, text


def migrations_of(service: str) -> Path:
    """The folder of a service's migrations."""
    package = importlib.import_module(f"services.{service}")
    return Path(next(iter(package.__path__))) / "migrations"


def services_with_migrations() -> list[str]:
    """The services that have a database."""
    services = importlib.import_module("services")
    names = (package.name for package in pkgutil.iter_modules(services.__path__))
    return sorted(name for name in names if (migrations_of(name) / "versions").is_dir())


def head_revision(folder: Path) -> str | None:
    """The newest revision in a folder of migrations, read without Alembic or importing them."""
    revisions: dict[str, Any] = {}
    for file in sorted((folder / "versions").glob("*.py")):
        values = _constants(file)
        if isinstance(values.get("revision"), str):
            revisions[values["revision"]] = values.get("down_revision")
    heads = set(revisions) - {down for down in revisions.values() if down}
    if len(heads) > 1:
        raise ValueError(f"{folder} has several heads: {', '.join(sorted(heads))}")
    return heads.pop() if heads else None


def _constants(file: Path) -> dict[str, Any]:
    values: dict[str, Any] = {}
    for node in ast.parse(file.read_text(encoding="utf-8")).body:
        targets: Sequence[ast.expr] = ()
        if isinstance(node, ast.Assign):
            targets = node.targets
        elif isinstance(node, ast.AnnAssign):
            targets = [node.target]
        value = getattr(node, "value", None)
        for target in targets:
            if isinstance(target, ast.Name) and isinstance(value, ast.Constant):
                values[target.id] = value.value
    return values


def current_revision(connection: Connection) -> str | None:
    """The revision a database is at."""
    if connection.execute(text("SELECT to_regclass('alembic_version')")).scalar_one() is None:
        return None
    revision: str | None = connection.execute(text("SELECT version_num FROM alembic_version")).scalar_one_or_none()
    return revision


class NotMigrated(RuntimeError):
    """The database is older than the code."""


def check_current(engine: Engine, folder: Path) -> None:
    """Raise :class:`NotMigrated` unless the database is at the newest revision of this code, or beyond it."""
    check_revision(engine, head_revision(folder))


def check_revision(engine: Engine, head: str | None) -> None:
    """Raise :class:`NotMigrated` unless the database is at this revision or beyond it."""
    with engine.connect() as connection:
        current = current_revision(connection)
    if head is None or current is None or current < head:
        raise NotMigrated("the database is not migrated")
