"""I8: whatever was begun comes to an end in its time, and time that somebody else lent is not overdrawn."""

from __future__ import annotations

from dataclasses import dataclass

from operations.invariants.looking import Invariant, Within


@dataclass(frozen=True, kw_only=True)
class Saga:
    """Rows of ``table`` in the state of ``unfinished``, which must be over ``within`` that time after ``since``.

    ``within`` is the interval of the job that ends them, or their lease, and time for that job to be late.
    """

    service: str
    table: str
    subject: str
    unfinished: str
    since: str
    within: str
    what: str

    @property
    def look(self) -> Within:
        """The rows past their time."""
        return Within(
            service=self.service,
            counted=f"SELECT count(*) FROM {self.table} WHERE {self.unfinished}",
            broken=f"""
                SELECT ({self.subject})::text, '{self.what}, due since ' || ({self.since})
                FROM {self.table}
                WHERE {self.unfinished} AND {self.since} < %(now)s::timestamptz - interval '{self.within}'""",
        )


SAGAS = (
    Saga(
        service="identity", table="sign_ins", subject="id", since="expires_at", within="30 seconds",
        unfinished="state IN ('password_change_required', 'awaiting_factor', 'approved')",
        what="a sign-in is still open",
    ),
    Saga(
        service="mfa", table="challenges", subject="id", since="expires_at", within="30 seconds",
        unfinished="state IN ('requested', 'sending', 'pending')", what="a confirmation is still open",
    ),
    Saga(
        service="mfa", table="challenges", subject="id", since="due_at", within="90 seconds",
        unfinished="state IN ('requested', 'sending', 'pending')", what="nobody takes a confirmation''s next step",
    ),
    Saga(
        service="mfa", table="challenges", subject="id", since="withdrawal_due_at", within="90 seconds",
        unfinished="withdrawal_due_at IS NOT NULL", what="nobody takes a push back",
    ),
    Saga(
        service="orders", table="orders", subject="number", since="expires_at", within="3 minutes",
        unfinished="state = 'awaiting_payment'", what="an unpaid order has not expired",
    ),
    Saga(
        service="orders", table="orders", subject="number", since="coalesce(proforma_lease_until, placed_at)",
        within="5 minutes", unfinished="proforma_wanted", what="a proforma is not made",
    ),
    Saga(
        service="orders", table="invoices", subject="number", since="coalesce(lease_until, issued_at)",
        within="5 minutes", unfinished="document IS NULL", what="an invoice is not set",
    ),
    Saga(
        service="orders", table="bank_statements", subject="filename", since="coalesce(lease_until, uploaded_at)",
        within="5 minutes", unfinished="state NOT IN ('done', 'failed')", what="a statement is not taken in",
    ),
    Saga(
        service="licensing", table="assignments", subject="id", since="valid_until + interval '1 day'",
        within="1 day", unfinished="state IN ('assigned', 'begun')", what="an ended seat has not lapsed",
    ),
    Saga(
        service="certificates", table="certificates", subject="number", since="retry_at", within="2 minutes",
        unfinished="state = 'issuing' AND holder IS NOT NULL", what="a certificate is not printed",
    ),
    Saga(
        service="certificates", table="certificates", subject="number", since="issued_at", within="15 minutes",
        unfinished="state = 'issuing' AND holder IS NULL", what="a certificate''s holder is not known",
    ),
    Saga(
        service="certificates", table="archives", subject="id", since="coalesce(leased_until, requested_at)",
        within="5 minutes", unfinished="state IN ('waiting', 'packing')", what="an archive is not packed",
    ),
    Saga(
        service="certificates", table="withdrawals", subject="assignment_id", since="withdrawn_at",
        within="15 minutes", unfinished="true", what="the seat that was taken back was never heard of",
    ),
    Saga(
        service="notifications", table="mails", subject="id", since="next_attempt_at", within="5 minutes",
        unfinished="state = 'queued'", what="nobody tries to send a mail",
    ),
    Saga(
        service="notifications", table="mails", subject="id", since="secret_expires_at", within="30 minutes",
        unfinished="sealed_secret IS NOT NULL", what="a secret is kept after its time",
    ),
)  # fmt: skip

INVARIANTS = (
    Invariant(
        group="I8",
        name="ends in time",
        says="no attempt, order, statement, paper or mail is past its time without an end",
        looks=tuple(saga.look for saga in SAGAS),
    ),
)
