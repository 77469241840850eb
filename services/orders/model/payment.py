"""What a payer must know, and the payload of the QR code that carries it."""

from libs.chassis.money import to_cents
from libs.chassis.operator import Supplier
from libs.contracts.orders import PaymentView
from services.orders.model.order import Order

_LONGEST_NAME = 70


def payment_of(order: Order, supplier: Supplier) -> PaymentView:
    """How to pay what is still owed."""
    return PaymentView(
        payee=supplier.name.get(order.language) or supplier.latin_name,
        iban=supplier.iban,
        bic=supplier.bic,
        amount=order.money(order.owed),
        reference=order.reference,
        due_on=order.due_on,
        epc=epc_payload(order, supplier),
    )


def epc_payload(order: Order, supplier: Supplier) -> str:
    """The EPC069-12 payload, version 002 in UTF-8, with the structured reference; empty where nothing is owed in euro.

    The name is the Latin one: Cyrillic takes two bytes a letter of the 331 that the code may hold.
    """
    if order.currency != "EUR" or not order.owed:
        return ""
    amount = f"EUR{to_cents(order.owed):f}"
    name = supplier.latin_name[:_LONGEST_NAME]
    return "\n".join(("BCD", "002", "1", "SCT", supplier.bic, name, supplier.iban, amount, "", order.reference))
