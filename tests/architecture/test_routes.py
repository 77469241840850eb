"""Every route of the gateway states who may use it."""

from __future__ import annotations

from typing import Any

import pytest
from flask import Flask
from flask.views import MethodView

from gateway.app import create_app
from gateway.security.guards import check_routes, guard, public, unguarded
from gateway.settings import load


class NoBus:
    """A bus that is never used: no request is made here."""

    def __getattr__(self, name: str) -> Any:
        return lambda *arguments, **named: None


def test_every_route_states_its_guard(tmp_path: Any) -> None:
    app = create_app(load({"DOCUMENTS_URL": f"file://{tmp_path}"}), NoBus())  # type: ignore[arg-type]
    assert len(app.view_functions) > 10
    assert list(unguarded(app)) == []


def test_a_route_without_a_guard_is_found() -> None:
    app = Flask(__name__)

    @app.get("/open")
    @guard(public)
    def stated() -> str:
        return ""

    @app.get("/forgotten")
    def forgotten() -> str:
        return ""

    class Things(MethodView):
        @guard(public)
        def get(self) -> str:
            return ""

        def post(self) -> str:
            return ""

    app.add_url_rule("/things", view_func=Things.as_view("things"))
    assert sorted(unguarded(app)) == ["forgotten", "things POST"]
    with pytest.raises(RuntimeError, match="forgotten, things POST"):
        check_routes(app)
