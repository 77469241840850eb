"""Panels of the home page: each journey adds its own, the home page shows those that are for the visitor.

    @panel(manager, order=20, template="ordering/home_panel.html")
    def open_orders() -> dict[str, Any] | None:
        return {"orders": orders.list_orders(...).items}      # None: nothing to show

A panel whose service does not answer is left out with a note; the home page never fails because of it.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from flask import render_template
from markupsafe import Markup

from gateway.security.guards import Condition
from libs.chassis.logging import get_logger
from libs.contracts.errors import ServiceError
from libs.contracts.identity import PrincipalView

log = get_logger(__name__)
Fill = Callable[[], dict[str, Any] | None]


@dataclass(frozen=True)
class Panel:
    """A part of the home page for an audience; lower ``order`` stands higher."""

    order: int
    audience: Condition
    template: str
    fill: Fill


PANELS: list[Panel] = []


def panel(audience: Condition, *, order: int, template: str) -> Callable[[Fill], Fill]:
    """Add a panel; the function gives the template's values, or None where there is nothing to show."""

    def add(fill: Fill) -> Fill:
        PANELS.append(Panel(order, audience, template, fill))
        return fill

    return add


def shown_to(view: PrincipalView) -> tuple[list[Markup], bool]:
    """The panels for a visitor, rendered, and whether one had to be left out."""
    rendered, missing = [], False
    for each in sorted(PANELS, key=lambda p: (p.order, p.template)):
        if not each.audience.admits(view):
            continue
        try:
            values = each.fill()
        except ServiceError as error:
            log.warning("home panel left out", panel=each.template, code=error.code)
            missing = True
            continue
        if values is not None:
            rendered.append(Markup(render_template(each.template, **values)))  # noqa: S704  a template escapes
    return rendered, missing
