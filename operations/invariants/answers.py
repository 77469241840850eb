"""I10: who was promised an answer or a mail has it, once."""

from __future__ import annotations

from dataclasses import dataclass

from operations.installation import SERVICES
from operations.invariants.looking import Across, Invariant, Within
from operations.subscriptions import between


@dataclass(frozen=True, kw_only=True)
class Letter:
    """An event that demands a mail; the mail's template has the name of the event."""

    event: str
    reader: str
    where: str = "true"

    @property
    def source(self) -> str:
        """Who tells the event."""
        return self.event.partition(".")[0]

    @property
    def template(self) -> str:
        """The mail's template."""
        return self.event.split(".")[1]


LETTERS = (
    Letter(event="identity.account_issued.v1", reader="account_id", where="payload->>'sealed_password' IS NOT NULL"),
    Letter(event="identity.password_reissued.v1", reader="account_id"),
    Letter(event="identity.password_changed.v1", reader="account_id"),
    Letter(event="identity.sign_in_reported.v1", reader="account_id"),
    Letter(event="orders.proforma_issued.v1", reader="placed_by"),
    Letter(
        event="orders.payment_received.v1",
        reader="placed_by",
        where="(payload->'owed'->>'amount')::numeric > 0",  # the whole sum is confirmed with the invoice
    ),
    Letter(event="orders.invoice_issued.v1", reader="placed_by"),
    Letter(event="orders.order_approved.v1", reader="placed_by"),
    Letter(event="orders.order_declined.v1", reader="placed_by"),
    Letter(event="orders.order_cancelled.v1", reader="placed_by"),
    Letter(event="orders.order_expired.v1", reader="placed_by"),
    Letter(event="licensing.seat_assigned.v1", reader="account_id"),
    Letter(event="licensing.assignment_withdrawn.v1", reader="account_id"),
    Letter(event="certificates.certificate_issued.v1", reader="account_id"),
    Letter(event="certificates.certificate_revoked.v1", reader="account_id"),
)


def _of(source: str) -> list[Letter]:
    return [letter for letter in LETTERS if letter.source == source]


def _sources() -> list[str]:
    return sorted({letter.source for letter in LETTERS})


def _demands(source: str) -> str:
    """All demands of one service's events: event, template, reader."""
    return " UNION ALL ".join(
        f"SELECT id, '{one.template}' AS template, (payload->>'{one.reader}')::uuid AS reader FROM outbox"
        f" WHERE type = '{one.event}' AND id >= %(floor)s AND {one.where}"
        for one in _of(source)
    )


def _written(source: str) -> Across:
    handlers = ", ".join(
        sorted({f"'{one.handler}'" for one in between(source, "notifications") if one.handler.startswith("mails.")})
    )
    return Across(
        source=source,
        rows=_demands(source),
        columns={"id": "uuid", "template": "text", "reader": "uuid"},
        target="notifications",
        broken=f"""
            SELECT carried.id::text, 'was handled, and ' || carried.reader || ' has no mail ' || carried.template
            FROM carried
            WHERE EXISTS (SELECT 1 FROM inbox WHERE message_id = carried.id AND handler IN ({handlers}))
              AND NOT EXISTS (SELECT 1 FROM mails WHERE event_id = carried.id AND account_id = carried.reader
                AND mails.template = carried.template)""",
    )


def _demanded(source: str) -> Across:
    templates = ", ".join(f"'{one.template}'" for one in _of(source))
    return Across(
        source="notifications",
        rows=f"""
            SELECT event_id, template, account_id, id FROM mails
            WHERE event_id >= %(floor)s AND template IN ({templates})""",
        columns={"id": "uuid", "template": "text", "reader": "uuid", "mail_id": "uuid"},
        target=source,
        blames_source=True,
        broken=f"""
            SELECT carried.mail_id::text, 'a mail ' || carried.template || ' that no event demands' FROM carried
            WHERE NOT EXISTS (SELECT 1 FROM ({_demands(source)}) AS demand WHERE demand.id = carried.id
              AND demand.template = carried.template AND demand.reader = carried.reader)""",
    )


_KNOWN = ", ".join(f"'{letter.template}'" for letter in LETTERS)

INVARIANTS = (
    Invariant(
        group="I10",
        name="commands answered",
        says="every remembered command has its answer",
        looks=tuple(
            Within(
                service=service,
                counted="SELECT count(*) FROM commands",
                broken="""
                    SELECT command_id, name || ' has no answer, since ' || created_at FROM commands
                    WHERE answer IS NULL""",
            )
            for service in SERVICES
        ),
    ),
    Invariant(
        group="I10",
        name="mails written",
        says="every handled event that demands a mail has it",
        looks=tuple(_written(source) for source in _sources()),
    ),
    Invariant(
        group="I10",
        name="mails demanded",
        says="every mail is demanded by an event, of that reader",
        looks=(
            *(_demanded(source) for source in _sources()),
            Within(
                service="notifications",
                counted="SELECT 0",
                broken=f"""
                    SELECT id::text, 'a mail of the template ' || template || ', which no event demands' FROM mails
                    WHERE template NOT IN ({_KNOWN})""",
            ),
        ),
    ),
    Invariant(
        group="I10",
        name="mails sent whole",
        says="a mail that was sent says to whom and when, and keeps no secret",
        looks=(
            Within(
                service="notifications",
                counted="SELECT count(*) FROM mails WHERE state = 'sent'",
                broken="""
                    SELECT id::text, 'is sent, and tells no ' || CASE WHEN sent_at IS NULL THEN 'time'
                      WHEN recipient IS NULL THEN 'recipient' ELSE 'end of its secret' END
                    FROM mails
                    WHERE state = 'sent' AND (sent_at IS NULL OR recipient IS NULL OR sealed_secret IS NOT NULL)""",
            ),
        ),
    ),
)
