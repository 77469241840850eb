"""What can be wrong with a person's data, in sentences."""

from flask_babel import lazy_gettext as _l

from gateway.faults import SENTENCES

SENTENCES.update(
    {
        "own_account": _l("Somebody else has to do this to your account."),
        "account_closed": _l("This account is closed."),
        "nothing_pasted": _l("Paste or type at least one row."),
        "too_many_rows": _l("These are %(rows)s rows. At most %(most)s can be added at once."),
    }
)

CELLS = {
    "required": _l("is missing"),
    "not_a_name": _l("this is not a name"),
    "not_an_email": _l("this is not an e-mail address"),
    "not_a_phone": _l("this is not a phone number"),
    "too_long": _l("this is too long"),
    "repeated": _l("the same address as in row %(row)s"),
    "taken": _l("this address has an account already"),
}
"""The same faults in the few words that fit beside a cell."""
