"""What can be wrong with an order, in sentences."""

from flask_babel import lazy_gettext as _l

from gateway.faults import SENTENCES

SENTENCES.update(
    {
        "nothing_chosen": _l("Enter how many you want of at least one product."),
        "order_closed": _l("This order is closed."),
        "cannot_cancel": _l("This order can no longer be cancelled."),
        "already_paid": _l("This order is paid already."),
    }
)
