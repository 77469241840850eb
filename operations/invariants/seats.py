"""I6: seats granted are seats paid for, and no seat has two holders."""

from __future__ import annotations

from operations.invariants.looking import Across, Invariant, Within

INVARIANTS = (
    Invariant(
        group="I6",
        name="granted as paid",
        says="every line of a paid or approved order has its seats",
        looks=(
            Across(
                source="orders",
                rows="""
                    SELECT line.id, orders.number, line.quantity, line.sku, orders.organisation_id, orders.settled_at,
                      coalesce(told.events, '{}')
                    FROM order_lines AS line JOIN orders ON orders.id = line.order_id
                    LEFT JOIN (SELECT subject, array_agg(id::text)::text AS events FROM outbox
                      WHERE type IN ('orders.order_paid.v1', 'orders.order_approved.v1') GROUP BY subject) AS told
                      ON told.subject = orders.id::text
                    WHERE orders.state IN ('paid', 'approved')""",
                columns={
                    "line_id": "uuid",
                    "number": "text",
                    "quantity": "int",
                    "sku": "text",
                    "organisation_id": "uuid",
                    "settled_at": "timestamptz",
                    "events": "text",
                },
                target="licensing",
                broken="""
                    SELECT carried.number, carried.quantity || ' × ' || carried.sku || ' paid, '
                      || coalesce(held.seats, 0) || ' seats granted (line ' || carried.line_id || ')'
                    FROM carried
                    LEFT JOIN (SELECT line_id, count(*) AS seats FROM seats GROUP BY line_id) AS held USING (line_id)
                    LEFT JOIN grants USING (line_id)
                    LEFT JOIN seat_pools ON seat_pools.id = grants.pool_id
                    WHERE (coalesce(held.seats, 0) <> carried.quantity
                        OR seat_pools.organisation_id <> carried.organisation_id OR seat_pools.sku <> carried.sku)
                      AND (carried.settled_at < %(settled)s
                        OR EXISTS (SELECT 1 FROM inbox WHERE message_id = ANY (carried.events::uuid[])))
                      AND NOT carried.events::uuid[] && %(dead_licensing)s::uuid[]""",
            ),
        ),
    ),
    Invariant(
        group="I6",
        name="no gift",
        says="no seat is of an order that was neither paid nor approved",
        looks=(
            Across(
                source="licensing",
                rows="SELECT line_id, order_id, quantity FROM grants",
                columns={"line_id": "uuid", "order_id": "uuid", "quantity": "int"},
                target="orders",
                blames_source=True,
                broken="""
                    SELECT coalesce(orders.number, carried.order_id::text), carried.quantity || ' seats granted, order '
                      || coalesce('is ' || orders.state || ' for ' || coalesce(line.quantity, 0), 'does not exist')
                    FROM carried LEFT JOIN orders ON orders.id = carried.order_id
                    LEFT JOIN order_lines AS line ON line.id = carried.line_id AND line.order_id = orders.id
                    WHERE orders.state IS NULL OR orders.state NOT IN ('paid', 'approved')
                      OR line.quantity IS DISTINCT FROM carried.quantity""",
            ),
        ),
    ),
    Invariant(
        group="I6",
        name="grants are seats",
        says="a grant has as many seats as it says, all in its own pool",
        looks=(
            Within(
                service="licensing",
                counted="SELECT count(*) FROM grants",
                broken="""
                    SELECT grants.line_id::text, 'grants ' || grants.quantity || ', has ' || coalesce(held.seats, 0)
                      || ' seats, ' || coalesce(held.strange, 0) || ' of them in another pool'
                    FROM grants LEFT JOIN (
                      SELECT seats.line_id, count(*) AS seats, count(*) FILTER (WHERE seats.pool_id <> own.pool_id)
                        AS strange
                      FROM seats JOIN grants AS own ON own.line_id = seats.line_id GROUP BY seats.line_id) AS held
                      ON held.line_id = grants.line_id
                    WHERE coalesce(held.seats, 0) <> grants.quantity OR held.strange > 0""",
            ),
        ),
    ),
    Invariant(
        group="I6",
        name="one holder",
        says="an assignment that was not withdrawn holds one seat, and every held seat says by whom",
        looks=(
            Within(
                service="licensing",
                counted="SELECT count(*) FROM assignments WHERE state <> 'withdrawn'",
                broken="""
                    SELECT assignments.id::text, 'is ' || assignments.state || ', and its seat '
                      || assignments.seat_id || ' is held by ' || coalesce(seats.assignment_id::text, 'nobody')
                    FROM assignments LEFT JOIN seats ON seats.id = assignments.seat_id
                    WHERE assignments.state <> 'withdrawn' AND seats.assignment_id IS DISTINCT FROM assignments.id""",
            ),
            Within(
                service="licensing",
                counted="SELECT count(*) FROM seats WHERE assignment_id IS NOT NULL",
                broken="""
                    SELECT 'seat ' || seats.id, 'is held by ' || seats.assignment_id || ', which is '
                      || coalesce(assignments.state || ' on seat ' || assignments.seat_id, 'nowhere')
                    FROM seats LEFT JOIN assignments ON assignments.id = seats.assignment_id
                    WHERE seats.assignment_id IS NOT NULL AND (assignments.id IS NULL
                      OR assignments.state = 'withdrawn' OR assignments.seat_id <> seats.id)""",
            ),
        ),
    ),
    Invariant(
        group="I6",
        name="assigned within granted",
        says="an organisation has assigned no more of a product than it was granted",
        looks=(
            Within(
                service="licensing",
                counted="SELECT count(*) FROM seat_pools",
                broken="""
                    SELECT organisation_id || ' ' || coalesce(seat_pools.sku, given.sku), given.times || ' assigned, '
                      || coalesce(granted.seats, 0) || ' granted'
                    FROM seat_pools
                    JOIN (SELECT pool_id, sum(quantity) AS seats FROM grants GROUP BY pool_id) AS granted
                      ON granted.pool_id = seat_pools.id
                    FULL JOIN (SELECT organisation_id, product_id, min(sku) AS sku, count(*) AS times FROM assignments
                      WHERE state <> 'withdrawn' GROUP BY organisation_id, product_id) AS given
                      USING (organisation_id, product_id)
                    WHERE coalesce(given.times, 0) > coalesce(granted.seats, 0)""",
            ),
        ),
    ),
    Invariant(
        group="I6",
        name="enrolled as assigned",
        says="whoever learns was given a seat for it, and nobody is sent away whose seat stands",
        looks=(
            Across(
                source="certificates",
                rows="SELECT id, account_id, state FROM enrolments",
                columns={"id": "uuid", "account_id": "uuid", "state": "text"},
                target="licensing",
                blames_source=True,
                broken="""
                    SELECT carried.id::text, 'is ' || carried.state || ', its assignment '
                      || coalesce('is ' || assignments.state, 'does not exist')
                    FROM carried LEFT JOIN assignments
                      ON assignments.id = carried.id AND assignments.account_id = carried.account_id
                    WHERE assignments.id IS NULL
                      OR carried.state = 'withdrawn' AND assignments.state <> 'withdrawn'""",
            ),
        ),
    ),
)
