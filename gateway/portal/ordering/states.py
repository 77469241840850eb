"""The states of an order as people see them."""

from dataclasses import dataclass

from flask_babel import lazy_gettext as _l
from flask_babel.speaklater import LazyString


@dataclass(frozen=True)
class Shown:
    """A badge and a sentence."""

    label: LazyString
    tone: str
    sentence: LazyString


ORDER_STATES: dict[str, Shown] = {
    "awaiting_payment": Shown(
        _l("Waiting for payment"), "warn", _l("The seats appear as soon as we see the whole sum in our account.")
    ),
    "under_paid": Shown(_l("Partly paid"), "warn", _l("Part of the sum has arrived. The seats appear with the rest.")),
    "paid": Shown(_l("Paid"), "good", _l("The seats are under “Available licences”.")),
    "awaiting_approval": Shown(
        _l("Waiting for approval"), "info", _l("An official looks at the order. You will get an e-mail.")
    ),
    "approved": Shown(_l("Approved"), "good", _l("The seats are under “Available licences”.")),
    "declined": Shown(_l("Declined"), "bad", _l("The order was not approved.")),
    "cancelled": Shown(_l("Cancelled"), "", _l("The order was cancelled before any payment.")),
    "expired": Shown(_l("Expired"), "", _l("Nothing was paid in time. Please order again.")),
}
OPEN_STATES = ("awaiting_payment", "under_paid", "awaiting_approval")
