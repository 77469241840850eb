"""Command ids: a form or a program names its deed once, so that sending it again does it once.

The id that a service sees is derived from the name, the caller and the deed: it reaches nobody else's answers.
"""

from uuid import NAMESPACE_URL, UUID, uuid4, uuid5

from flask import g, has_request_context, request

from gateway.security.session import caller_token, visitor
from libs.contracts.errors import Invalid

FIELD = "command_id"
HEADER = "Idempotency-Key"
LONGEST = 200


def form_command_id() -> str:
    """The id for a form of this answer: the one that came in, where the form is shown again, else a new one."""
    sent = request.form.get(FIELD, "") if request.method == "POST" and "deed_is_done" not in g else ""
    try:
        return str(UUID(sent))
    except ValueError:
        return str(uuid4())


def deed_is_done() -> None:
    """What this form named is done; shown again, it is a form for another deed and gets a new id."""
    g.deed_is_done = True


def named_deed() -> str | None:
    """The name that this request gives to its deed, if any."""
    name = request.headers.get(HEADER) or request.form.get(FIELD)
    if name is not None and not (0 < len(name) <= LONGEST and name.isprintable()):
        raise Invalid.field(HEADER, "wrong_length")
    return name


def command_id(deed: str, part: str = "") -> UUID:
    """The command id of one deed (``orders.place_order``) of this request; ``part`` tells several of one kind apart."""
    if not has_request_context():
        return uuid4()
    if "deed" not in g:
        g.deed = named_deed() or str(uuid4())
    caller = visitor() if caller_token() else None
    owner = caller.account_id if caller else g.get("browser_token", "")
    return uuid5(NAMESPACE_URL, f"{g.deed}|{owner}|{deed}|{part}")
