"""``/products`` and ``/orders``: the catalogue, ordering, the papers of an order."""

from uuid import UUID

from flask import Response
from marshmallow import fields, validate

from gateway.api.v1.rim import PageQuery, Resource
from gateway.clients.orders import orders
from gateway.security.guards import guard, public, role, signed_in
from gateway.security.session import the_visitor
from gateway.uploads import send_document
from libs.contracts.base import bounded, contract
from libs.contracts.orders import ORDER_STATES, Catalogue, ListOrders, Orders, OrderView, PlaceOrder

blueprint = Resource("api_orders", __name__, description="Catalogue and orders")

PDF = {"application/pdf": {"schema": {"type": "string", "format": "binary"}}}


@contract
class Reason:
    """Why an order is declined; the orderer reads it."""

    reason: str = bounded(500, least=1)


class OrderQuery(PageQuery):
    """Which orders."""

    organisation_id = fields.UUID(load_default=None)
    state = fields.String(load_default="", validate=validate.OneOf(("", *ORDER_STATES)))


@blueprint.route("/products", methods=["GET"])
@guard(public)
@blueprint.gives(Catalogue)
@blueprint.doc(security=[])
def products() -> Catalogue:
    """The catalogue with prices, VAT, kinds and modules."""
    return orders.list_products()


@blueprint.route("/orders", methods=["POST"])
@guard(signed_in)
@blueprint.takes(PlaceOrder)
@blueprint.gives(OrderView, 201)
def place(body: PlaceOrder) -> OrderView:
    """Order products for an organisation; the answer says how to pay."""
    return orders.place_order(body.organisation_id, body.lines, language=body.language)


@blueprint.route("/orders", methods=["GET"])
@guard(signed_in)
@blueprint.takes_query(OrderQuery)
@blueprint.gives(Orders)
def read_all(query: dict[str, object]) -> Orders:
    """Orders of the caller's organisation, newest first; staff see all."""
    state = query.pop("state")
    query["organisation_id"] = query["organisation_id"] or the_visitor().organisation_id
    return orders.list_orders(ListOrders(states=[str(state)] if state else [], **query))  # type: ignore[arg-type]


@blueprint.route("/orders/<uuid:order_id>", methods=["GET"])
@guard(signed_in)
@blueprint.gives(OrderView)
def read(order_id: UUID) -> OrderView:
    """One order."""
    return orders.get_order(order_id)


@blueprint.route("/orders/<uuid:order_id>", methods=["DELETE"])
@guard(signed_in)
@blueprint.gives(OrderView)
def cancel(order_id: UUID) -> OrderView:
    """Cancel an order before any payment."""
    return orders.cancel_order(order_id)


@blueprint.route("/orders/<uuid:order_id>/approval", methods=["POST"])
@guard(role("official", "admin"))
@blueprint.gives(OrderView)
def approve(order_id: UUID) -> OrderView:
    """Approve an order in the place of a payment, where the operator works so."""
    return orders.approve_order(order_id)


@blueprint.route("/orders/<uuid:order_id>/refusal", methods=["POST"])
@guard(role("official", "admin"))
@blueprint.takes(Reason)
@blueprint.gives(OrderView)
def decline(body: Reason, order_id: UUID) -> OrderView:
    """Decline an order with a reason."""
    return orders.decline_order(order_id, body.reason)


@blueprint.route("/orders/<uuid:order_id>/proforma.pdf", methods=["GET"])
@guard(signed_in)
@blueprint.doc(responses={"200": {"description": "The proforma", "content": PDF}})
def proforma(order_id: UUID) -> Response:
    """The proforma."""
    return send_document(orders.get_order_document(order_id, "proforma"), inline=True)


@blueprint.route("/orders/<uuid:order_id>/invoice.pdf", methods=["GET"])
@guard(signed_in)
@blueprint.doc(responses={"200": {"description": "The invoice", "content": PDF}})
def invoice(order_id: UUID) -> Response:
    """The invoice."""
    return send_document(orders.get_order_document(order_id, "invoice"), inline=True)
