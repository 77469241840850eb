"""Ordering: the catalogue, an order, how to pay it, its papers."""

import io
from typing import Any
from uuid import UUID

import segno
from flask import Response, flash, redirect, request, url_for
from flask_babel import gettext as _

from gateway.clients.orders import orders
from gateway.i18n import language
from gateway.panels import panel
from gateway.portal import journey as journeys
from gateway.portal.journey import page
from gateway.portal.ordering import faults as _faults  # noqa: F401  its sentences
from gateway.portal.ordering.forms import OrderForm
from gateway.portal.ordering.states import OPEN_STATES, ORDER_STATES
from gateway.security.guards import guard, role, signed_in
from gateway.security.session import the_visitor
from gateway.uploads import send_document
from libs.contracts.errors import Conflict, Invalid, NotFound
from libs.contracts.orders import ListOrders, OrderView

journey = journeys.new(__name__)
Page = tuple[str, int] | Any
manager = role("manager")


def _organisation() -> UUID:
    organisation_id = the_visitor().organisation_id
    if organisation_id is None:
        raise NotFound
    return organisation_id


@journey.get("/catalogue")
@guard(signed_in)
def catalogue() -> Page:
    """What can be ordered; a manager can do so right here."""
    return _order_page("ordering/catalogue.html", OrderForm.of(orders.list_products(), request.args))


@journey.route("/management/licences/add", methods=["GET", "POST"])
@guard(manager)
def add_licences() -> Page:
    """Choose products and quantities, and order them."""
    form = OrderForm.of(orders.list_products(), request.form if request.method == "POST" else request.args)
    if request.method == "POST":
        lines = form.lines()
        if not form.faulty:
            try:
                order = orders.place_order(_organisation(), lines, language=language())
            except (Invalid, Conflict) as error:
                form.show(error, lines)
            else:
                flash(_("Order %(number)s is placed.", number=order.number), "good")
                return redirect(url_for("ordering.order", order_id=order.id))
    return _order_page("ordering/add_licences.html", form)


def _order_page(template: str, form: OrderForm) -> Page:
    return page(template, rows=form.rows, faults=form.summary(), faulty=form.faulty)


@journey.get("/orders", endpoint="orders")
@guard(manager)
def orders_list() -> Page:
    """The organisation's orders, newest first."""
    found = orders.list_orders(
        ListOrders(organisation_id=_organisation(), page_token=request.args.get("page_token") or None)
    )
    return page("ordering/orders.html", orders=found, states=ORDER_STATES)


@journey.get("/orders/<uuid:order_id>")
@guard(signed_in)
def order(order_id: UUID) -> Page:
    """One order: what it holds, how it stands, how to pay."""
    return page("ordering/order.html", order=orders.get_order(order_id), states=ORDER_STATES)


@journey.get("/orders/<uuid:order_id>/payment.svg")
@guard(signed_in)
def payment_code(order_id: UUID) -> Response:
    """The transfer as a QR code for banking apps (EPC069-12)."""
    payment = orders.get_order(order_id).payment
    if payment is None:
        raise NotFound
    picture = io.BytesIO()
    # a settled mask: readers take any of the eight, and trying all of them out takes most of the time
    segno.make(payment.epc, error="m", micro=False, encoding="utf-8", mask=3).save(
        picture, kind="svg", scale=4, border=2, light="#fff", xmldecl=False
    )
    return Response(picture.getvalue(), mimetype="image/svg+xml")


@journey.get("/orders/<uuid:order_id>/<any(proforma, invoice):kind>.pdf")
@guard(signed_in)
def document(order_id: UUID, kind: str) -> Response:
    """A paper of the order."""
    return send_document(orders.get_order_document(order_id, kind), inline=True)


@journey.route("/orders/<uuid:order_id>/cancel", methods=["GET", "POST"])
@guard(manager)
def cancel(order_id: UUID) -> Page:
    """Cancel an order, asked once."""
    found = orders.get_order(order_id)
    if request.method == "POST":
        try:
            orders.cancel_order(order_id)
        except Conflict:
            flash(_("Order %(number)s can no longer be cancelled.", number=found.number), "warn")
        else:
            flash(_("Order %(number)s is cancelled.", number=found.number), "good")
        return redirect(url_for("ordering.order", order_id=order_id))
    return page(
        "base/confirm.html",
        here="ordering.orders",
        heading=_("Cancel order %(number)s?", number=found.number),
        sentence=_("Nothing has been paid for it yet. You can order again at any time."),
        label=_("Cancel the order"),
        back=url_for("ordering.order", order_id=order_id),
    )


@panel(manager, order=10, template="ordering/panel.html")
def open_orders() -> dict[str, Any] | None:
    """Orders that wait for something."""
    found: list[OrderView] = orders.list_orders(
        ListOrders(organisation_id=_organisation(), states=list(OPEN_STATES), page_size=5)
    ).items
    return {"orders": found, "states": ORDER_STATES} if found else None
