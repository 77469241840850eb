"""I2: what is told happened, and what happened is told, once.

A :class:`Fact` pairs one event type with the rows whose state it tells. Both stand in one database, so one snapshot
decides. Rows older than events are kept are not asked for their event; events are always asked for their row.
"""

from __future__ import annotations

from dataclasses import dataclass

from operations.invariants.looking import Invariant, Within


@dataclass(frozen=True, kw_only=True)
class Fact:
    """``rows`` gives ``(key, at)`` of every row in the state that the event tells; ``key`` is the same in the event.

    ``often`` where the event is told again for the same key. ``always`` is false where the row may come to its state
    without a word.
    """

    event: str
    rows: str
    key: str = "subject"
    often: bool = False
    always: bool = True

    @property
    def service(self) -> str:
        """Who tells it."""
        return self.event.partition(".")[0]

    @property
    def ghosts(self) -> Within:
        """Events whose row is not there, or not in that state."""
        return Within(
            service=self.service,
            counted=f"SELECT count(*) FROM outbox WHERE {self._is_told}",
            broken=f"""
                SELECT {self.key}, 'told by {self.event}, and no row says so (event ' || min(id::text) || ')'
                FROM outbox WHERE {self._is_told}
                  AND NOT EXISTS (SELECT 1 FROM ({self.rows}) AS rows(key, at) WHERE rows.key::text = {self.key})
                GROUP BY {self.key}""",
        )

    @property
    def zombies(self) -> Within:
        """Rows whose event is not there."""
        return Within(
            service=self.service,
            counted=f"SELECT count(*) FROM ({self.rows}) AS rows(key, at) WHERE at >= %(floor_at)s",
            broken=f"""
                SELECT rows.key::text, 'never told by {self.event}' FROM ({self.rows}) AS rows(key, at)
                WHERE at >= %(floor_at)s AND NOT EXISTS (
                  SELECT 1 FROM outbox WHERE type = '{self.event}' AND {self.key} = rows.key::text)""",
        )

    @property
    def repeats(self) -> Within:
        """Events told twice."""
        return Within(
            service=self.service,
            counted=f"SELECT count(*) FROM outbox WHERE {self._is_told}",
            broken=f"""
                SELECT {self.key}, 'told ' || count(*) || ' times by {self.event}'
                FROM outbox WHERE {self._is_told} GROUP BY {self.key} HAVING count(*) > 1""",
        )

    @property
    def _is_told(self) -> str:
        return f"type = '{self.event}' AND id >= %(floor)s"


def _ordered(state: str, at: str = "placed_at") -> str:
    return f"SELECT id, {at} FROM orders WHERE state = '{state}'"


def _challenged(state: str, key: str = "id") -> str:
    return f"SELECT {key}, settled_at FROM challenges WHERE state = '{state}'"


FACTS = (
    Fact(event="identity.account_issued.v1", rows="SELECT id, created_at FROM accounts"),
    Fact(event="identity.account_closed.v1", rows="SELECT id, closed_at FROM accounts WHERE state = 'closed'"),
    Fact(event="identity.organisation_registered.v1", rows="SELECT id, created_at FROM organisations"),
    Fact(
        event="identity.sign_in_awaiting_factor.v1",
        rows="SELECT id, created_at FROM sign_ins WHERE code IS NOT NULL",
    ),
    Fact(
        event="identity.sign_in_settled.v1",
        rows="SELECT id, created_at FROM sign_ins WHERE code IS NOT NULL AND state <> 'awaiting_factor'",
        often=True,  # approved, and then cancelled or expired
    ),
    Fact(event="identity.session_ended.v1", rows="SELECT id, ended_at FROM sessions WHERE ended_at IS NOT NULL"),
    Fact(
        event="mfa.challenge_issued.v1",
        rows="SELECT id, sent_at FROM challenges WHERE transaction_id IS NOT NULL",
        always=False,  # a receipt that comes after the end is kept, and nobody is told
    ),
    Fact(event="mfa.challenge_approved.v1", rows=_challenged("approved")),
    Fact(event="mfa.challenge_rejected.v1", rows=_challenged("rejected")),
    Fact(event="mfa.challenge_expired.v1", rows=_challenged("expired")),
    Fact(event="mfa.factor_missing.v1", rows=_challenged("missing", "sign_in_id")),
    Fact(event="mfa.challenge_unavailable.v1", rows=_challenged("unavailable", "sign_in_id")),
    Fact(event="mfa.challenge_withheld.v1", rows=_challenged("withheld", "sign_in_id")),
    Fact(event="orders.product_published.v1", rows="SELECT id, NULL::timestamptz FROM products", often=True),
    Fact(event="orders.order_placed.v1", rows="SELECT id, placed_at FROM orders"),
    Fact(
        event="orders.proforma_issued.v1",
        rows="SELECT id, placed_at FROM orders WHERE proforma IS NOT NULL",
        always=False,  # paid or cancelled while the proforma was set: nobody is told
    ),
    Fact(
        event="orders.payment_received.v1",
        rows="SELECT order_id, decided_at FROM bank_transactions WHERE state = 'matched'",
        often=True,
    ),
    Fact(event="orders.order_paid.v1", rows=_ordered("paid", "settled_at")),
    Fact(event="orders.order_approved.v1", rows=_ordered("approved", "settled_at")),
    Fact(event="orders.order_declined.v1", rows=_ordered("declined")),
    Fact(event="orders.order_cancelled.v1", rows=_ordered("cancelled")),
    Fact(event="orders.order_expired.v1", rows=_ordered("expired")),
    Fact(event="orders.invoice_issued.v1", rows="SELECT order_id, issued_at FROM invoices WHERE document IS NOT NULL"),
    Fact(
        event="orders.bank_statement_progressed.v1",
        key="subject || ' ' || (payload->>'state')",
        rows="""
            SELECT id || ' ' || state, uploaded_at FROM bank_statements WHERE state <> 'waiting'
            UNION ALL SELECT id || ' reading', NULL FROM bank_statements WHERE state <> 'waiting'
            UNION ALL SELECT id || ' matching', NULL FROM bank_statements WHERE state <> 'waiting'""",
        often=True,
    ),
    Fact(
        event="licensing.seats_granted.v1",
        key="payload->>'line_id'",
        rows="SELECT line_id, granted_at FROM grants",
    ),
    Fact(event="licensing.seat_assigned.v1", rows="SELECT id, assigned_at FROM assignments"),
    Fact(
        event="licensing.assignment_withdrawn.v1",
        rows="SELECT id, withdrawn_at FROM assignments WHERE state = 'withdrawn'",
    ),
    Fact(
        event="certificates.training_begun.v1",
        rows="SELECT id, begun_at FROM enrolments WHERE begun_at IS NOT NULL",
    ),
    Fact(
        event="certificates.module_passed.v1",
        key="subject || ' ' || (payload->>'code')",
        rows="SELECT enrolment_id || ' ' || code, passed_at FROM enrolled_modules WHERE passed_at IS NOT NULL",
    ),
    Fact(
        event="certificates.training_passed.v1",
        rows="SELECT id, passed_at FROM enrolments WHERE passed_at IS NOT NULL",
    ),
    Fact(
        event="certificates.certificate_issued.v1",
        rows="SELECT id, issued_at FROM certificates WHERE state IN ('valid', 'revoked')",
    ),
    Fact(
        event="certificates.certificate_revoked.v1",
        rows="SELECT id, revoked_at FROM certificates WHERE state = 'revoked'",
    ),
    Fact(
        event="certificates.archive_progressed.v1",
        key="subject || ' ' || (payload->>'state')",
        rows="""
            SELECT id || ' ' || state, requested_at FROM archives WHERE state <> 'waiting'
            UNION ALL SELECT id || ' packing', NULL FROM archives WHERE state IN ('ready', 'failed')""",
        often=True,
    ),
)

UNPAIRED = {
    "identity.account_changed.v1": "tells data as they are now; the last one is compared by I9 with who remembers it",
    "identity.organisation_changed.v1": "as account_changed",
    "identity.password_changed.v1": "leaves only a digest, which the next change replaces",
    "identity.password_reissued.v1": "as password_changed",
    "identity.sign_in_reported.v1": "changes no row of identity; mfa's challenge notes it",
}
"""Event types without a row of their own, and why."""

INVARIANTS = (
    Invariant(
        group="I2",
        name="no ghost",
        says="an event that is told has its row, in the state it tells",
        looks=tuple(fact.ghosts for fact in FACTS),
    ),
    Invariant(
        group="I2",
        name="no zombie",
        says="a row that came to a state that is told has its event",
        looks=tuple(fact.zombies for fact in FACTS if fact.always),
    ),
    Invariant(
        group="I2",
        name="told once",
        says="what happens once is told once",
        looks=tuple(fact.repeats for fact in FACTS if not fact.often),
    ),
    Invariant(
        group="I2",
        name="last word",
        says="the last outcome told of a sign-in is the one that stands",
        looks=(
            Within(
                service="identity",
                counted="SELECT count(*) FROM sign_ins WHERE created_at >= %(floor_at)s AND code IS NOT NULL",
                broken="""
                    SELECT sign_ins.id::text, 'is ' || sign_ins.state || ', and the last word was ' || told.state
                    FROM sign_ins JOIN (
                      SELECT DISTINCT ON (subject) subject, payload->>'state' AS state FROM outbox
                      WHERE type = 'identity.sign_in_settled.v1'
                      ORDER BY subject, position DESC) AS told ON told.subject = sign_ins.id::text
                    WHERE sign_ins.created_at >= %(floor_at)s
                      AND told.state <> CASE sign_ins.state WHEN 'completed' THEN 'approved' ELSE sign_ins.state END""",
            ),
        ),
    ),
    Invariant(
        group="I2",
        name="payments told",
        says="an order tells of as many payments as it has transfers",
        looks=(
            Within(
                service="orders",
                counted="SELECT count(*) FROM orders WHERE placed_at >= %(floor_at)s",
                broken="""
                    SELECT orders.number, coalesce(told.times, 0) || ' payments told, ' || coalesce(paid.times, 0)
                      || ' transfers matched'
                    FROM orders
                    LEFT JOIN (SELECT subject, count(*) AS times FROM outbox
                      WHERE type = 'orders.payment_received.v1' GROUP BY subject) AS told
                      ON told.subject = orders.id::text
                    LEFT JOIN (SELECT order_id, count(*) AS times FROM bank_transactions
                      WHERE state = 'matched' GROUP BY order_id) AS paid ON paid.order_id = orders.id
                    WHERE orders.placed_at >= %(floor_at)s
                      AND coalesce(told.times, 0) <> coalesce(paid.times, 0)""",
            ),
        ),
    ),
)
