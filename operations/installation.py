"""Where the parts of one installation are found."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

SERVICES = ("identity", "mfa", "orders", "licensing", "certificates", "notifications")


class NotFound(Exception):
    """The installation cannot be found; the text is for the person who looks for it."""


@dataclass(frozen=True, kw_only=True)
class Installation:
    """Every service's database and the broker; ``management_url`` where its HTTP API may be asked as well."""

    databases: Mapping[str, str]
    amqp_url: str
    management_url: str | None = None

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] = os.environ) -> Self:
        """What ``<SERVICE>_DATABASE_URL``, ``AMQP_URL`` and ``RABBITMQ_MANAGEMENT_URL`` say."""
        names = {service: f"{service.upper()}_DATABASE_URL" for service in SERVICES}
        if missing := [name for name in (*names.values(), "AMQP_URL") if not environment.get(name)]:
            raise NotFound(f"Set {', '.join(missing)}, or name a local run with --stack.")
        return cls(
            databases={service: environment[name] for service, name in names.items()},
            amqp_url=environment["AMQP_URL"],
            management_url=environment.get("RABBITMQ_MANAGEMENT_URL"),
        )

    @classmethod
    def from_stack(cls, folder: Path) -> Self:
        """What a local run has written into its ``ready.json``."""
        told = _told(folder)
        return cls(databases=told["databases"], amqp_url=told["amqp_url"], management_url=told.get("management_url"))


def own_databases(folder: Path) -> dict[str, str]:
    """Where a tool that changes something finds the databases of a local run: as each service itself."""
    return dict(_told(folder)["own_databases"])


def _told(folder: Path) -> dict[str, Any]:
    report = folder / "ready.json"
    try:
        told: dict[str, Any] = json.loads(report.read_text(encoding="utf-8"))["operations"]
    except (OSError, KeyError, ValueError):
        raise NotFound(f"Nothing is running in {folder}: there is no {report.name} of it. Try `make run`.") from None
    return told
