"""Orders of all organisations, and the official's approval."""

from typing import Any
from uuid import UUID

from flask import flash, redirect, request, url_for
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from wtforms import TextAreaField

from gateway.clients.orders import orders
from gateway.faults import refused, sentence_of
from gateway.panels import panel
from gateway.portal.journey import Form, at_most, page, required
from gateway.portal.ordering.states import ORDER_STATES
from gateway.portal.staff.desk import Page, journey, official
from gateway.security.guards import guard, staff
from libs.contracts.errors import Conflict
from libs.contracts.orders import ListOrders


class DeclineForm(Form):
    """Why an order is declined."""

    reason = TextAreaField(_l("Reason, which the orderer reads"), [required(), at_most(500)])


@journey.get("/work/orders", endpoint="orders")
@guard(staff)
def all_orders() -> Page:
    """Orders of all organisations, newest first."""
    state = request.args.get("state", "")
    found = orders.list_orders(
        ListOrders(
            states=[state] if state in ORDER_STATES else [],
            search=request.args.get("search", "").strip()[:60],
            page_token=request.args.get("page_token") or None,
        )
    )
    return page("staff/orders.html", orders=found, states=ORDER_STATES, state=state)


@journey.get("/work/approvals")
@guard(official)
def approvals() -> Page:
    """Orders that wait for an official."""
    found = orders.list_orders(
        ListOrders(states=["awaiting_approval"], page_token=request.args.get("page_token") or None)
    )
    return page("staff/approvals.html", orders=found)


@journey.route("/work/approvals/<uuid:order_id>", methods=["GET", "POST"])
@guard(official)
def approval(order_id: UUID) -> Page:
    """Look at an order; approve it, or decline it with a reason."""
    found, form = orders.get_order(order_id), DeclineForm()
    if request.method == "POST" and request.form.get("action") == "approve":
        try:
            orders.approve_order(order_id)
        except Conflict as error:
            flash(sentence_of(error), "warn")
        else:
            flash(_("Order %(number)s is approved.", number=found.number), "good")
        return redirect(url_for("staff.approvals"))
    if form.validate_on_submit():
        with refused(form):
            orders.decline_order(order_id, form.reason.data or "")
            flash(_("Order %(number)s is declined.", number=found.number), "good")
            return redirect(url_for("staff.approvals"))
    return page("staff/approval.html", form, order=found, states=ORDER_STATES)


@panel(official, order=10, template="staff/approvals_panel.html")
def waiting() -> dict[str, Any] | None:
    """Orders that wait for an official."""
    found = orders.list_orders(ListOrders(states=["awaiting_approval"], page_size=5)).items
    return {"orders": found} if found else None
