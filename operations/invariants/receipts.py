"""I3 and I4: what is published reaches everybody who hears it, and has its effect once."""

from __future__ import annotations

from libs.messaging.topology import LADDER
from operations.installation import SERVICES
from operations.invariants.looking import Across, Invariant, Within
from operations.subscriptions import between, pairs

WAY = f"interval '{sum(LADDER) + 60:g} seconds'"
"""The longest way of an event on a busy installation: every step of the ladder, and a minute."""

ONCE = (
    ("orders", "invoices", "order_id"),
    ("orders", "bank_transactions", "key"),
    ("orders", "orders", "reference"),
    ("licensing", "grants", "line_id"),
    ("mfa", "challenges", "sign_in_id"),
    ("certificates", "certificates", "enrolment_id"),
    ("certificates", "certificates", "number"),
    ("notifications", "mails", "event_id, account_id, template"),
    *((service, "inbox", "message_id, handler") for service in SERVICES),
)
"""Tables that hold the effects of events and commands, and what there may be one of."""


def heard(source: str, service: str) -> str:
    """The pairs of type and handler of a subscription, as rows for SQL."""
    return ", ".join(f"('{one.event}', '{one.handler}')" for one in between(source, service))


def _received(source: str, service: str) -> Across:
    types = ", ".join(sorted({f"'{one.event}'" for one in between(source, service)}))
    return Across(
        source=source,
        rows=f"""
            SELECT id, type, subject, published_at FROM outbox
            WHERE id >= %(floor)s AND type IN ({types}) AND published_at < %(settled)s""",
        columns={"id": "uuid", "type": "text", "subject": "text", "published_at": "timestamptz"},
        target=service,
        broken=f"""
            SELECT carried.subject, carried.type || ' was not handled by ' || heard.handler || ', published '
              || carried.published_at || ' (event ' || carried.id || ')'
            FROM carried JOIN (VALUES {heard(source, service)}) AS heard(type, handler) ON heard.type = carried.type
            WHERE NOT EXISTS (SELECT 1 FROM inbox WHERE message_id = carried.id AND inbox.handler = heard.handler)
              AND (%(quiet)s OR carried.published_at < %(now)s::timestamptz - {WAY})
              AND carried.id <> ALL (%(dead_{service})s::uuid[])""",
    )


def _caused(service: str, source: str) -> Across:
    handlers = ", ".join(sorted({f"'{one.handler}'" for one in between(source, service)}))
    return Across(
        source=service,
        rows=f"SELECT message_id, handler FROM inbox WHERE message_id >= %(floor)s AND handler IN ({handlers})",
        columns={"id": "uuid", "handler": "text"},
        target=source,
        blames_source=True,
        broken=f"""
            SELECT carried.id::text, carried.handler || ' handled an event that {source} never told' FROM carried
            WHERE NOT EXISTS (
              SELECT 1 FROM outbox JOIN (VALUES {heard(source, service)}) AS heard(type, handler) USING (type)
              WHERE outbox.id = carried.id AND heard.handler = carried.handler)""",
    )


def _single(service: str, table: str, key: str) -> Within:
    text = f"concat_ws(' ', {key})"
    return Within(
        service=service,
        counted=f"SELECT count(*) FROM {table}",
        broken=f"""
            SELECT {text}, count(*) || ' rows of {table} have the same {key}' FROM {table}
            GROUP BY {key} HAVING count(*) > 1""",
    )


RECEIVED = tuple(_received(source, service) for source, service in pairs())

INVARIANTS = (
    Invariant(
        group="I3",
        name="receipts have events",
        says="whatever was handled had been told",
        looks=tuple(_caused(service, source) for source, service in pairs()),
    ),
    Invariant(
        group="I3",
        name="one effect",
        says="there is one effect for each event and reader",
        looks=tuple(_single(*one) for one in ONCE),
    ),
    Invariant(
        group="I4",
        name="received",
        says="every reader has handled what was published, or keeps it as a dead letter",
        looks=RECEIVED,
    ),
)
