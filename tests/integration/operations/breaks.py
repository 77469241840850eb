"""How each invariant is broken: behind the services' backs, in a copy of one database."""

from __future__ import annotations

from dataclasses import dataclass

from libs.chassis.ids import new_id
from operations.invariants.told import Fact


@dataclass(frozen=True, kw_only=True)
class Break:
    """Statements that break one invariant; ``says`` is part of what is told, ``also`` what breaks of necessity."""

    invariant: str
    service: str
    statements: tuple[str, ...]
    says: str
    also: frozenset[str] = frozenset()


def _broken(invariant: str, service: str, says: str, *statements: str, also: tuple[str, ...] = ()) -> Break:
    return Break(invariant=invariant, service=service, says=says, statements=statements, also=frozenset(also))


def a_copy(table: str, where: str, **changes: str) -> str:
    """A second row like the first that is found, but for some columns."""
    changed = ", ".join(f"'{name}', '{value}'" for name, value in changes.items())
    return f"""
        INSERT INTO {table} SELECT (jsonb_populate_record(one, jsonb_build_object({changed}))).*
        FROM {table} AS one WHERE {where} LIMIT 1"""


def an_event_like(fact: Fact, **payload: str) -> str:
    """A second event like one that was told, not published yet, about the same thing or (with ``payload``) another."""
    subject = f"'{payload['subject']}'" if payload else "subject"
    changed = ", ".join(f"'{name}', '{value}'" for name, value in payload.items())
    return f"""
        INSERT INTO outbox (id, type, subject, correlation_id, occurred_at, payload)
        SELECT '{new_id()}', type, {subject}, correlation_id, now(), payload || jsonb_build_object({changed})
        FROM outbox WHERE type = '{fact.event}' LIMIT 1"""


def dead_letter(event_id: str = "gen_random_uuid()", status: str = "waiting") -> str:
    """A dead letter, perhaps of an event."""
    return f"""
        INSERT INTO dead_letters (id, queue, message_id, event_id, type, subject, reason, error, handler, attempts,
          first_died_at, last_died_at, size, sha256, properties, headers, replayable, status, changed_at, note)
        SELECT gen_random_uuid(), 'licensing.events.dead', 'message', {event_id}, 'orders.order_paid.v1', 'an order',
          'given_up', 'error', 'handler', 5, now(), now(), 2, '', '{{}}', '{{}}', true, '{status}', now(), ''"""


BREAKS = (
    _broken(
        "I1 published", "orders", "orders.order_paid.v1 unpublished since",
        "UPDATE outbox SET published_at = NULL, occurred_at = occurred_at - interval '2 minutes'"
        " WHERE type = 'orders.order_paid.v1'",
    ),
    _broken(
        "I2 no ghost", "certificates", "told by certificates.training_begun.v1, and no row says so",
        "UPDATE enrolments SET begun_at = NULL WHERE state = 'begun'",
    ),
    _broken(
        "I2 no zombie", "certificates", "never told by certificates.module_passed.v1",
        "DELETE FROM outbox WHERE type = 'certificates.module_passed.v1'",
    ),
    _broken(
        "I2 told once", "certificates", "told 2 times by certificates.module_passed.v1",
        "INSERT INTO outbox (id, type, subject, correlation_id, occurred_at, payload)"
        f" SELECT '{new_id()}', type, subject, correlation_id, now(), payload"
        " FROM outbox WHERE type = 'certificates.module_passed.v1' LIMIT 1",
    ),
    _broken(
        "I2 last word", "identity", "is refused, and the last word was not_registered",
        "UPDATE sign_ins SET state = 'refused' WHERE state = 'not_registered'",
    ),
    _broken(
        "I2 payments told", "orders", "2 payments told, 1 transfers matched",
        "INSERT INTO outbox (id, type, subject, correlation_id, occurred_at, payload)"
        f" SELECT '{new_id()}', type, subject, correlation_id, now(), payload"
        " FROM outbox WHERE type = 'orders.payment_received.v1' LIMIT 1",
    ),
    _broken(
        "I3 receipts have events", "licensing", "pools.grant_paid_seats handled an event that orders never told",
        f"INSERT INTO inbox (message_id, handler) VALUES ('{new_id()}', 'pools.grant_paid_seats')",
    ),
    _broken(
        "I3 one effect", "notifications", "2 rows of mails have the same event_id, account_id, template",
        "ALTER TABLE mails DROP CONSTRAINT uq_mails_event_id_account_id_template",
        a_copy("mails", "template = 'invoice_issued'", id=str(new_id())),
    ),
    _broken(
        "I4 received", "licensing", "orders.order_paid.v1 was not handled by pools.grant_paid_seats",
        "DELETE FROM inbox WHERE handler = 'pools.grant_paid_seats'",
    ),
    _broken("I5 dead letters decided", "licensing", "orders.order_paid.v1 is waiting (given_up)", dead_letter()),
    _broken(
        "I6 granted as paid", "licensing", "1 × microsoft-365-a3 paid, 0 seats granted",
        "DELETE FROM seats WHERE id = (SELECT max(id) FROM seats WHERE assignment_id IS NULL)",
        also=("I6 grants are seats",),
    ),
    _broken(
        "I6 no gift", "licensing", "1 seats granted, order does not exist",
        f"INSERT INTO grants SELECT '{(gift := new_id())}', '{new_id()}', pool_id, 1, valid_until,"
        " granted_at - interval '60 days' FROM grants LIMIT 1",
        f"INSERT INTO seats (pool_id, line_id, valid_until) SELECT pool_id, line_id, valid_until FROM grants"
        f" WHERE line_id = '{gift}'",
    ),
    _broken(
        "I6 grants are seats", "licensing", "1 of them in another pool",
        "UPDATE seats SET pool_id = (SELECT id FROM seat_pools WHERE id <> seats.pool_id LIMIT 1)"
        " WHERE id = (SELECT min(id) FROM seats WHERE assignment_id IS NULL)",
    ),
    _broken(
        "I6 one holder", "licensing", "is held by nobody",
        "UPDATE seats SET assignment_id = NULL WHERE id = (SELECT min(id) FROM seats WHERE assignment_id IS NOT NULL)",
    ),
    _broken(
        "I6 one holder", "licensing", "which is nowhere",
        f"UPDATE seats SET assignment_id = '{new_id()}' WHERE id = (SELECT min(id) FROM seats"
        " WHERE assignment_id IS NULL)",
    ),
    _broken(
        "I6 assigned within granted", "licensing", "1 assigned, 0 granted",
        f"UPDATE assignments SET organisation_id = '{new_id()}' WHERE id = (SELECT min(id::text)::uuid FROM assignments"
        " WHERE state <> 'withdrawn')",
    ),
    _broken(
        "I6 enrolled as assigned", "certificates", "is withdrawn, its assignment is begun",
        "UPDATE enrolments SET state = 'withdrawn' WHERE state = 'begun'",
    ),
    _broken(
        "I7 one invoice", "orders", "is paid, and has no invoice",
        "DELETE FROM invoices WHERE number = (SELECT max(number) FROM invoices)",
        "UPDATE document_series SET next_number = next_number - 1",
        also=("I2 no ghost",),
    ),
    _broken(
        "I7 one invoice", "orders", "of 1.00 for an order that is paid over 86.40",
        "UPDATE invoices SET content = content || '{\"gross\": \"1.00\"}' WHERE content->>'gross' = '86.40'",
    ),
    _broken(
        "I7 no gap in invoices", "orders", "0000000009: follows number 0000000002",
        "UPDATE invoices SET number = '0000000009' WHERE number = (SELECT max(number) FROM invoices)",
    ),
    _broken(
        "I7 no gap in invoices", "orders", "is to give 9 next",
        "UPDATE document_series SET next_number = 9",
    ),
    _broken(
        "I7 no gap in certificates", "certificates", "gave 3 serials, of which 2 stand on certificates",
        "UPDATE certificate_series SET last = last + 1",
    ),
    _broken(
        "I7 paid as received", "orders", "counts 11.00 of 43.20, received 10.00, is under_paid",
        "UPDATE orders SET paid = paid + 1 WHERE state = 'under_paid'",
    ),
    _broken(
        "I7 statement lines once", "orders", "tells 5 lines",
        "UPDATE bank_statements SET matched = matched + 1 WHERE state = 'done' AND duplicates = 0",
    ),
    _broken(
        "I7 statement lines once", "orders", "was taken in 2 times",
        "UPDATE bank_transactions SET position = (SELECT min(position) FROM bank_transactions)"
        " WHERE position <= (SELECT min(position) + 1 FROM bank_transactions)",
    ),
    _broken(
        "I8 ends in time", "notifications", "nobody tries to send a mail",
        "UPDATE mails SET state = 'queued', next_attempt_at = now() - interval '1 hour'"
        " WHERE template = 'order_expired'",
    ),
    _broken(
        "I9 in order", "orders", "orders.order_paid.v1 has number 1 after number",
        "UPDATE outbox SET sequence = 1 WHERE type = 'orders.order_paid.v1'",
    ),
    _broken(
        "I9 not ahead of itself", "orders", "orders is at 1",
        "UPDATE orders SET version = 1 WHERE state = 'paid'",
    ),
    _broken(
        "I9 memory not ahead", "licensing", "people remembers version 101",
        "UPDATE people SET sequence = 101 WHERE account_id = (SELECT account_id FROM people WHERE NOT closed LIMIT 1)",
    ),
    _broken(
        "I9 memory not behind", "orders", "organisations is at version 1 though version 2 was handled",
        "UPDATE organisations SET sequence = 1",
    ),
    _broken(
        "I10 commands answered", "orders", "match_bank_transaction has no answer",
        "UPDATE commands SET answer = NULL",
    ),
    _broken(
        "I10 mails written", "notifications", "has no mail invoice_issued",
        "DELETE FROM mails WHERE template = 'invoice_issued'",
    ),
    _broken(
        "I10 mails demanded", "notifications", "a mail seat_assigned that no event demands",
        a_copy("mails", "template = 'seat_assigned'", id=str(new_id()), account_id=str(new_id())),
    ),
    _broken(
        "I10 mails demanded", "notifications", "a mail of the template birthday, which no event demands",
        a_copy("mails", "template = 'seat_assigned'", id=str(new_id()), template="birthday"),
    ),
    _broken(
        "I10 mails sent whole", "notifications", "is sent, and tells no time",
        "UPDATE mails SET sent_at = NULL WHERE template = 'invoice_issued'",
    ),
)  # fmt: skip

LATE = {
    "a sign-in is still open": ("identity", "sign_ins", "state = 'approved'", "expires_at"),
    "a confirmation is still open": ("mfa", "challenges", "state = 'pending'", "expires_at"),
    "nobody takes a confirmation's next step": ("mfa", "challenges", "state = 'pending'", "due_at"),
    "nobody takes a push back": ("mfa", "challenges", "state = state", "withdrawal_due_at"),
    "an unpaid order has not expired": ("orders", "orders", "state = 'awaiting_payment'", "expires_at"),
    "a proforma is not made": ("orders", "orders", "proforma_wanted = true", "placed_at"),
    "an invoice is not set": ("orders", "invoices", "document = NULL", "issued_at"),
    "a statement is not taken in": ("orders", "bank_statements", "state = 'reading'", "uploaded_at"),
    "an ended seat has not lapsed": ("licensing", "assignments", "state = 'begun'", "valid_until"),
    "a certificate is not printed": ("certificates", "certificates", "state = 'issuing'", "retry_at"),
    "a certificate's holder is not known": (
        "certificates", "certificates", "holder = NULL, state = 'issuing'", "issued_at",
    ),
    "an archive is not packed": ("certificates", "archives", "state = 'packing'", "requested_at"),
    "the seat that was taken back was never heard of": ("certificates", "withdrawals", "", "withdrawn_at"),
    "nobody tries to send a mail": ("notifications", "mails", "state = 'queued'", "next_attempt_at"),
    "a secret is kept after its time": ("notifications", "mails", "sealed_secret = 'x'", "secret_expires_at"),
}  # fmt: skip
"""How each saga is left unfinished: its service and table, what is set, and the instant that is put back."""


def late(what: str) -> str:
    """The statement that leaves something unfinished for three days."""
    _, table, change, instant = LATE[what]
    before = "now() - interval '3 days'"
    if not change:
        return f"INSERT INTO {table} VALUES ('{new_id()}', {before})"
    lease = {"orders": ", proforma_lease_until = NULL", "invoices": ", lease_until = NULL"}.get(table, "")
    which = "min" if "holder" in change else "max"
    one = f"(SELECT {which}(id::text)::uuid FROM {table})"
    return f"UPDATE {table} SET {change}, {instant} = {before}{lease} WHERE id = {one}"
