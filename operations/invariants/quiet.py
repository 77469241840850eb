"""What is not settled yet: an installation is quiet once nothing moves any more without somebody's doing."""

from __future__ import annotations

from collections.abc import Iterator

from operations.installation import SERVICES
from operations.invariants.broker import EVENTS, REQUESTS, RETRY
from operations.invariants.looking import World, question
from operations.invariants.receipts import RECEIVED

_EVENTS = ("events are not published", "outbox WHERE published_at IS NULL")

UNSETTLED: dict[str, tuple[tuple[str, str], ...]] = {
    "identity": (
        ("sign-ins are to expire", "sign_ins WHERE ended_at IS NULL AND expires_at <= %(now)s"),
    ),
    "mfa": (
        ("pushes are to be sent", "challenges WHERE state IN ('requested', 'sending')"),
        ("confirmations are to expire", "challenges WHERE state = 'pending' AND expires_at <= %(now)s"),
        ("pushes are to be taken back", "challenges WHERE withdrawal_due_at IS NOT NULL"),
    ),
    "orders": (
        ("statements are to be taken in", "bank_statements WHERE state NOT IN ('done', 'failed')"),
        ("proformas are to be made", "orders WHERE proforma_wanted"),
        ("invoices are to be set", "invoices WHERE document IS NULL"),
        ("orders are to expire", "orders WHERE state = 'awaiting_payment' AND expires_at <= %(now)s"),
    ),
    "licensing": (),
    "certificates": (
        ("certificates are to be printed", "certificates WHERE state = 'issuing'"),
        ("archives are to be packed", "archives WHERE state IN ('waiting', 'packing')"),
    ),
    "notifications": (("mails are to be sent", "mails WHERE state = 'queued'"),),
}  # fmt: skip
"""What a service's processes still have to do; what waits for a person is not among it."""


def unsettled(world: World) -> Iterator[str]:
    """Everything that is under way, in words."""
    for queue in world.queues.of(EVENTS, RETRY, REQUESTS):
        if queue.depth:
            yield str(queue)
    for service in SERVICES:
        for words, rows in (_EVENTS, *UNSETTLED[service]):
            if count := question(world.snapshots.first[service], f"SELECT count(*) FROM {rows}", world.params):
                yield f"{service}: {count} {words}"
    for look in RECEIVED:
        if missing := look.see(world).wrong:
            yield f"{look.target}: {missing} events of {look.source} are not handled"
