"""The condition on every route, stated where the route is declared.

``@guard(public)``, ``@guard(signed_in)``, ``@guard(role("manager"))``: exactly one stands under each ``route``
decorator (for method views: on each method). ``check_routes`` refuses an application that has a route without one.
"""

import functools
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, ParamSpec, TypeVar

from flask import Flask, current_app, g, redirect, request, url_for
from werkzeug.exceptions import HTTPException
from werkzeug.wrappers import Response

from gateway.security.session import visitor
from libs.contracts.errors import Forbidden, Unauthenticated
from libs.contracts.identity import STAFF_ROLES, PrincipalView

P = ParamSpec("P")
R = TypeVar("R")


@dataclass(frozen=True)
class Condition:
    """Who may pass: anybody, anybody signed in, or holders of one of ``roles``."""

    name: str
    needs_sign_in: bool = True
    roles: frozenset[str] = frozenset()

    def admits(self, view: PrincipalView | None) -> bool:
        """Whether this visitor may pass."""
        if not self.needs_sign_in:
            return True
        return view is not None and (not self.roles or not self.roles.isdisjoint(view.roles))


public = Condition("public", needs_sign_in=False)
signed_in = Condition("signed in")


def role(*roles: str) -> Condition:
    """Holders of any one of these roles."""
    return Condition("role " + " or ".join(roles), roles=frozenset(roles))


staff = role(*STAFF_ROLES)


def guard(condition: Condition) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """State who may use this route."""

    def wrap(view: Callable[P, R]) -> Callable[P, R]:
        @functools.wraps(view)
        def guarded(*args: P.args, **kwargs: P.kwargs) -> R:
            if condition.needs_sign_in:
                g.private = True
            if not condition.admits(visitor() if condition.needs_sign_in else None):
                return _refuse()  # type: ignore[return-value]
            return view(*args, **kwargs)

        guarded.condition = condition  # type: ignore[attr-defined]
        return guarded

    return wrap


def _refuse() -> Response:
    if visitor() is not None:
        raise Forbidden
    if request.path.startswith("/api/"):
        raise Unauthenticated
    wanted = request.full_path.rstrip("?") if request.method in {"GET", "HEAD"} else None
    return redirect(url_for("sign_in.form", next=wanted))


def condition_of(view: Callable[..., Any] | None) -> Condition | None:
    """The condition stated for a view function, if any."""
    found: Condition | None = getattr(view, "condition", None)
    return found


UNGUARDED = {"static"}
"""Endpoints of libraries that serve only files or documents of the build itself."""
UNGUARDED_PREFIXES = ("api-docs.",)


def unguarded(app: Flask) -> Iterator[str]:
    """Endpoints, with the method for method views, that state no condition."""
    for endpoint, view in app.view_functions.items():
        if endpoint in UNGUARDED or endpoint.startswith(UNGUARDED_PREFIXES):
            continue
        cls = getattr(view, "view_class", None)
        if cls is None:
            if condition_of(view) is None:
                yield endpoint
            continue
        for method in sorted(cls.methods or ()):
            if condition_of(getattr(cls, method.lower(), None)) is None:
                yield f"{endpoint} {method}"


def check_routes(app: Flask) -> None:
    """Refuse an application with a route that nobody guards."""
    missing = sorted(unguarded(app))
    if missing:
        raise RuntimeError(f"routes without a guard: {', '.join(missing)}")


def safe_next(wanted: str | None) -> str | None:
    """A path of this portal that may be opened after signing in, or None; never another site's."""
    if (
        not wanted
        or not wanted.startswith("/")
        or wanted.startswith("//")
        or "\\" in wanted
        or not wanted.isprintable()
    ):
        return None
    path = wanted.partition("?")[0]
    try:
        endpoint, _ = current_app.create_url_adapter(request).match(path, method="GET")  # type: ignore[union-attr]
    except HTTPException:
        return None
    if endpoint in UNGUARDED or endpoint.startswith(("sign_in.", "health.", "api")):
        return None
    return wanted
