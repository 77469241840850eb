"""I7: an order that is paid has one invoice, money is counted once, and numbers follow one another."""

from __future__ import annotations

from operations.invariants.looking import Invariant, Within

_OF_PAID = "orders.state = 'paid' AND orders.gross > 0"

INVARIANTS = (
    Invariant(
        group="I7",
        name="one invoice",
        says="every paid order has its invoice, over its own sum, and no other order has one",
        looks=(
            Within(
                service="orders",
                counted=f"SELECT count(*) FROM orders WHERE {_OF_PAID}",
                broken=f"""
                    SELECT orders.number, 'is paid, and has no invoice' FROM orders
                    WHERE {_OF_PAID} AND NOT EXISTS (SELECT 1 FROM invoices WHERE order_id = orders.id)
                      AND (orders.settled_at < %(settled)s OR EXISTS (
                        SELECT 1 FROM inbox JOIN outbox ON outbox.id = inbox.message_id
                        WHERE outbox.type = 'orders.order_paid.v1' AND outbox.subject = orders.id::text))
                      AND NOT EXISTS (SELECT 1 FROM outbox WHERE outbox.subject = orders.id::text
                        AND outbox.id = ANY (%(dead_orders)s::uuid[]))""",
            ),
            Within(
                service="orders",
                counted="SELECT count(*) FROM invoices",
                broken="""
                    SELECT invoices.number, 'of ' || (invoices.content->>'gross') || ' for an order that is '
                      || orders.state || ' over ' || orders.gross
                    FROM invoices JOIN orders ON orders.id = invoices.order_id
                    WHERE orders.state <> 'paid' OR (invoices.content->>'gross')::numeric <> orders.gross""",
            ),
        ),
    ),
    Invariant(
        group="I7",
        name="no gap in invoices",
        says="invoice numbers follow one another, and the next one is free",
        looks=(
            Within(
                service="orders",
                counted="SELECT count(*) FROM invoices",
                broken="""
                    SELECT number, 'follows number ' || before FROM (
                      SELECT number, lag(number) OVER (ORDER BY number) AS before FROM invoices) AS told
                    WHERE number::bigint <> before::bigint + 1
                    UNION ALL
                    SELECT code, 'is to give ' || next_number || ' next, the last was ' || last.number
                    FROM document_series CROSS JOIN (SELECT max(number) AS number FROM invoices) AS last
                    WHERE code = 'invoices' AND last.number IS NOT NULL
                      AND next_number <> last.number::bigint %% 9999999999 + 1""",
            ),
        ),
    ),
    Invariant(
        group="I7",
        name="no gap in certificates",
        says="certificate serials of a year follow one another, and each was given once",
        looks=(
            Within(
                service="certificates",
                counted="SELECT count(*) FROM certificates",
                broken="""
                    SELECT series.prefix || ' ' || series.year, 'gave ' || series.last || ' serials, of which '
                      || count(DISTINCT told.serial) || ' stand on certificates'
                    FROM certificate_series AS series LEFT JOIN (
                      SELECT split_part(number, '-', 1) AS head, split_part(number, '-', 2)::int AS serial
                      FROM certificates) AS told
                      ON told.head = series.prefix || to_char(series.year %% 100, 'FM00')
                    GROUP BY series.prefix, series.year, series.last
                    HAVING count(DISTINCT told.serial) <> series.last OR max(told.serial) <> series.last""",
            ),
        ),
    ),
    Invariant(
        group="I7",
        name="paid as received",
        says="an order counts as paid what its transfers sum up to, and its state says the same",
        looks=(
            Within(
                service="orders",
                counted="SELECT count(*) FROM orders",
                broken="""
                    SELECT orders.number, 'counts ' || orders.paid || ' of ' || orders.gross || ', received '
                      || coalesce(received.amount, 0) || ', is ' || orders.state
                    FROM orders LEFT JOIN (SELECT order_id, sum(amount) AS amount FROM bank_transactions
                      WHERE state = 'matched' GROUP BY order_id) AS received ON received.order_id = orders.id
                    WHERE orders.paid <> coalesce(received.amount, 0)
                      OR orders.state = 'paid' AND orders.paid < orders.gross
                      OR orders.state = 'under_paid' AND NOT (orders.paid > 0 AND orders.paid < orders.gross)
                      OR orders.state NOT IN ('paid', 'under_paid') AND orders.paid > 0""",
            ),
        ),
    ),
    Invariant(
        group="I7",
        name="statement lines once",
        says="a finished statement's counts are those of its lines, each taken in once",
        looks=(
            Within(
                service="orders",
                counted="SELECT count(*) FROM bank_statements WHERE state = 'done'",
                broken="""
                    SELECT told.id::text, told.filename || ' tells ' || told.entries || ' lines ('
                      || concat_ws(', ', told.matched, told.unmatched, told.duplicates, told.outgoing) || '), has '
                      || coalesce(kept.lines, 0) || ' (' || concat_ws(', ', coalesce(kept.matched, 0),
                        coalesce(kept.unmatched, 0), coalesce(kept.outgoing, 0)) || ')'
                    FROM bank_statements AS told LEFT JOIN (
                      SELECT statement_id, count(*) AS lines, count(*) FILTER (WHERE state = 'matched') AS matched,
                        count(*) FILTER (WHERE state = 'unmatched') AS unmatched,
                        count(*) FILTER (WHERE state = 'outgoing') AS outgoing,
                        count(*) FILTER (WHERE state = 'pending') AS pending
                      FROM bank_transactions GROUP BY statement_id) AS kept ON kept.statement_id = told.id
                    WHERE told.state = 'done' AND (told.entries <> coalesce(kept.lines, 0) + told.duplicates
                      OR told.matched <> coalesce(kept.matched, 0) OR told.unmatched <> coalesce(kept.unmatched, 0)
                      OR told.outgoing <> coalesce(kept.outgoing, 0) OR kept.pending > 0)""",
            ),
            Within(
                service="orders",
                counted="SELECT count(*) FROM bank_transactions",
                broken="""
                    SELECT statement_id::text, 'line ' || position || ' was taken in ' || count(*) || ' times'
                    FROM bank_transactions GROUP BY statement_id, position HAVING count(*) > 1""",
            ),
            Within(
                service="orders",
                counted="SELECT count(*) FROM staged_entries",
                broken="""
                    SELECT staged.statement_id::text, count(*) || ' lines lie about of a statement that is '
                      || min(statement.state)
                    FROM staged_entries AS staged JOIN bank_statements AS statement
                      ON statement.id = staged.statement_id
                    WHERE statement.state IN ('matching', 'done', 'failed') GROUP BY staged.statement_id""",
            ),
        ),
    ),
)
