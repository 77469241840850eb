"""What can be wrong with the staff's deeds, in sentences."""

from flask_babel import lazy_gettext as _l

from gateway.faults import SENTENCES

SENTENCES.update(
    {
        "not_an_organisation_number": _l("This is not a valid EIK or BULSTAT number."),
        "not_a_vat_number": _l("This is not a valid VAT number."),
        "order_not_found": _l("There is no order with this number."),
        "unknown_order": _l("There is no order with this number."),
        "order_closed": _l("This order is closed."),
        "transaction_not_unmatched": _l("Somebody has dealt with this transfer already."),
        "cannot_be_replayed": _l("This cannot be sent again. It can only be discarded."),
        "not_given_up": _l("This message is not given up."),
    }
)

STATEMENT_REASONS = {
    "not_a_statement": _l("This is not a bank statement we can read. Export camt.053 or MT940 from the bank."),
    "truncated": _l("The file ends too early. Download it from the bank once more."),
    "malformed": _l("The file is damaged near line %(line)s. Download it from the bank once more."),
    "forbidden_entity": _l("The file holds things that do not belong in a bank statement, so it was not opened."),
    "too_large": _l("The file is larger than we accept (50 MB). Export a shorter period."),
    "wrong_currency": _l("The statement is in another currency than our account."),
    "unknown_account": _l("The statement is of an account that is not ours."),
    "missing": _l("The file was lost on the way. Upload it once more."),
    "internal": _l("The file could not be taken in, through a fault of ours. Please tell us, and upload it once more."),
}
"""Why a statement was not taken in."""

WHY_UNMATCHED = {
    "no_reference": _l("no payment reason"),
    "unknown_reference": _l("the payment reason belongs to no order"),
    "order_closed": _l("the order is cancelled or expired"),
    "already_paid": _l("the order is paid already"),
    "wrong_currency": _l("another currency"),
    "ambiguous": _l("several orders could be meant"),
    "collective": _l("several payments in one booking"),
}
"""Why a transfer waits for a person."""

WHY_DEAD = {
    "given_up": _l("its handler failed at every attempt"),
    "process_died": _l("a process died with it"),
    "delivery_limit": _l("processes died with it again and again"),
    "rejected": _l("it was refused"),
    "not_json": _l("it cannot be read"),
    "not_an_object": _l("it cannot be read"),
    "no_arguments": _l("it cannot be read"),
    "damaged_properties": _l("its envelope is damaged"),
    "wrong_content_type": _l("it is of a kind that we do not read"),
    "no_cloud_event": _l("it is not an event"),
    "no_reply_to": _l("it does not say where the answer goes"),
    "wrong_reply_to": _l("it does not say where the answer goes"),
    "unknown_type": _l("nobody here knows this type or version"),
    "invalid_data": _l("its data is not as agreed"),
    "wrong_attribute": _l("its envelope is not as agreed"),
    "wrong_sender": _l("it came from somebody else than it says"),
}
"""Why a message was given up; any other reason is shown as it stands."""

DEEDS = {
    "died": _l("Given up on"),
    "replay": _l("To be given back"),
    "sent": _l("Given back"),
    "unsendable": _l("Could not be given back"),
    "discard": _l("Discarded"),
}
"""What happened to a dead letter."""


def why_dead(reason: str) -> str:
    """The words for a reason."""
    return str(WHY_DEAD.get(reason, reason))


def statement_reason(code: str | None, params: dict[str, str]) -> str:
    """The sentence for a refused statement."""
    text = str(STATEMENT_REASONS.get(code or "", STATEMENT_REASONS["not_a_statement"]))
    return text % {"line": params.get("line") or "?"} if "%(line)s" in text else text
