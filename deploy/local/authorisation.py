"""The page of docs/ that says who may call what, made from the table to which the tests hold every service."""

from __future__ import annotations

import importlib
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from deploy.local.machine import ROOT
from deploy.local.postgres import SERVICES
from libs.messaging.rpc import Method, rpc_class_of

MATRIX = ROOT / "tests" / "integration" / "authorisation" / "matrix.toml"
STAFF = ("clerk", "finance", "official", "admin")
ROLES = ("member", "manager", *STAFF)
ANYONE = "anyone"
SCOPES = ("own", "organisation", "any", "browser")

HEAD = """\
# Who may call what

Made by `make docs` from `tests/integration/authorisation/matrix.toml`, to which tests hold every RPC method with every
role; do not edit.

*own*: the caller's own objects; *organisation*: those of the caller's organisation; *any*: everybody's; *browser*:
those whose browser's or session's secret the request proves. A dash: refused. Whoever shows a principal that is forged,
altered or too old is refused everywhere, public methods included.

Nobody is told `unauthenticated`; who lacks the role, `forbidden`; and what belongs to another organisation or another
person is `not_found`, exactly as if it were not there.
"""


@dataclass(frozen=True, kw_only=True)
class Row:
    """Who may call a method: role → whose objects."""

    service: str
    method: str
    scopes: Mapping[str, str] = field(default_factory=dict)
    note: str = ""

    @property
    def name(self) -> str:
        """The method with its service."""
        return f"{self.service}.{self.method}"

    @property
    def is_public(self) -> bool:
        """Whether no principal is demanded."""
        return ANYONE in self.scopes

    def scope(self, role: str) -> str | None:
        """Whose objects somebody of this role may name; ``None``: the role is refused."""
        return self.scopes.get(ANYONE) or self.scopes.get(role) or (self.scopes.get("staff") if role in STAFF else None)


def read_matrix(path: Path = MATRIX) -> dict[str, Row]:
    """The table by ``service.method``; raises :class:`ValueError` for a role or a scope that there is not."""
    rows = {}
    for service, methods in tomllib.loads(path.read_text(encoding="utf-8")).items():
        for method, cells in methods.items():
            scopes = {role: scope for role, scope in cells.items() if role != "note"}
            if not scopes or not set(scopes) <= {ANYONE, "staff", *ROLES} or not set(scopes.values()) <= set(SCOPES):
                raise ValueError(f"{service}.{method}: {cells}")
            row = Row(service=service, method=method, scopes=scopes, note=cells.get("note", ""))
            rows[row.name] = row
    return rows


def all_methods() -> dict[str, Method]:
    """Every RPC method of every service by ``service.method``."""
    classes = [rpc_class_of(importlib.import_module(f"services.{service}.rpc")) for service in SERVICES]
    return {method.routing_key: method for one in classes for method in one.methods()}


def authorisation_page() -> str:
    """The table, service by service."""
    rows, methods = read_matrix(), all_methods()
    parts = [HEAD]
    for service in sorted({row.service for row in rows.values()}):
        parts.append(
            f"\n## {service}\n\n| method | nobody | {' | '.join(ROLES)} | |\n|---|{'---|' * (len(ROLES) + 2)}\n"
        )
        for name in sorted(name for name, row in rows.items() if row.service == service and name in methods):
            parts.append(_line(rows[name]))
    return "".join(parts)


def _line(row: Row) -> str:
    cells = [row.scopes.get(ANYONE), *(row.scope(role) for role in ROLES)]
    return f"| `{row.method}` | {' | '.join(cell or '–' for cell in cells)} | {row.note} |\n"
