"""Every route states who may use it."""

import pytest
from flask import Flask
from flask.views import MethodView

from gateway.security.guards import check_routes, guard, public, role, signed_in, staff
from libs.contracts.identity import STAFF_ROLES


def test_a_route_without_a_guard_stops_the_start() -> None:
    app = Flask(__name__)
    app.add_url_rule("/open", "open", guard(public)(lambda: ""))
    check_routes(app)
    app.add_url_rule("/forgotten", "forgotten", lambda: "")
    with pytest.raises(RuntimeError, match="routes without a guard: forgotten"):
        check_routes(app)


def test_each_method_of_a_method_view_needs_its_own() -> None:
    class Orders(MethodView):
        @guard(signed_in)
        def get(self) -> str:
            return ""

        def post(self) -> str:
            return ""

    app = Flask(__name__)
    app.add_url_rule("/orders", view_func=Orders.as_view("orders"))
    with pytest.raises(RuntimeError, match="orders POST"):
        check_routes(app)


@pytest.mark.parametrize(
    ("condition", "roles", "admitted"),
    [
        (public, None, True),
        (signed_in, None, False),
        (signed_in, [], True),
        (role("manager"), ["member"], False),
        (role("manager"), ["member", "manager"], True),
        (role("finance", "admin"), ["admin"], True),
        (staff, ["manager"], False),
        *[(staff, [one], True) for one in STAFF_ROLES],
    ],
)
def test_a_condition_admits_exactly_its_people(condition, roles, admitted) -> None:  # type: ignore[no-untyped-def]
    from tests.portal.fakes import principal

    view = None if roles is None else principal(*roles)
    assert condition.admits(view) is admitted
