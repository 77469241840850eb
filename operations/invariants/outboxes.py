"""I1 and I9: what was committed is published, and the events of one thing have an order that nobody is ahead of."""

from __future__ import annotations

from operations.installation import SERVICES
from operations.invariants.looking import Across, Invariant, Within

AGGREGATES = {
    "identity": ("accounts", "organisations", "sign_ins", "sessions"),
    "mfa": ("challenges",),
    "orders": ("orders", "products", "bank_statements"),
    "licensing": ("assignments",),
    "certificates": ("enrolments", "certificates", "archives"),
}
"""Tables whose rows carry the version that their events take as sequence."""

_ACCOUNT = ("account_issued", "account_changed")
_ORGANISATION = ("organisation_registered", "organisation_changed")
MEMORIES = (
    ("orders", "organisations", "organisation_id", "identity", "organisations", _ORGANISATION),
    ("mfa", "accounts", "account_id", "identity", "accounts", (*_ACCOUNT, "account_closed")),
    ("licensing", "people", "account_id", "identity", "accounts", _ACCOUNT),
    ("licensing", "products", "product_id", "orders", "products", ("product_published",)),
    ("certificates", "people", "account_id", "identity", "accounts", _ACCOUNT),
    ("notifications", "accounts", "account_id", "identity", "accounts", _ACCOUNT),
)
"""Who remembers whose rows, under which key, and the events that make the memory newer."""


def _not_ahead(reader: str, table: str, key: str, source: str, owned: str) -> Across:
    return Across(
        source=reader,
        rows=f"SELECT {key}, sequence FROM {table} WHERE sequence > 0",
        columns={"key": "uuid", "sequence": "bigint"},
        target=source,
        blames_source=True,
        broken=f"""
            SELECT carried.key::text, '{table} remembers version ' || carried.sequence || ', {source} is at '
              || coalesce(owned.version::text, 'none')
            FROM carried LEFT JOIN {owned} AS owned ON owned.id = carried.key
            WHERE owned.version IS NULL OR carried.sequence > owned.version""",
    )


def _not_behind(reader: str, table: str, key: str, source: str, events: tuple[str, ...]) -> Across:
    types = ", ".join(f"'{source}.{event}.v1'" for event in events)
    return Across(
        source=source,
        rows=f"SELECT id, subject, sequence FROM outbox WHERE id >= %(floor)s AND type IN ({types})",
        columns={"id": "uuid", "subject": "text", "sequence": "bigint"},
        target=reader,
        broken=f"""
            SELECT newest.subject, '{table} is at version ' || coalesce(memory.sequence::text, 'none')
              || ' though version ' || newest.sequence || ' was handled'
            FROM (SELECT subject, max(sequence) AS sequence FROM carried
              WHERE EXISTS (SELECT 1 FROM inbox WHERE message_id = carried.id AND handler LIKE 'projections.%%')
              GROUP BY subject) AS newest
            LEFT JOIN {table} AS memory ON memory.{key}::text = newest.subject
            WHERE memory.sequence IS NULL OR memory.sequence < newest.sequence""",
    )


def _versions(service: str, table: str) -> Within:
    return Within(
        service=service,
        counted=f"SELECT count(*) FROM {table}",
        broken=f"""
            SELECT owned.id::text, 'told version ' || told.sequence || ', {table} is at ' || owned.version
            FROM {table} AS owned JOIN (SELECT subject, max(sequence) AS sequence FROM outbox GROUP BY subject) AS told
              ON told.subject = owned.id::text
            WHERE told.sequence > owned.version""",
    )


INVARIANTS = (
    Invariant(
        group="I1",
        name="published",
        says="no event waits in an outbox for longer than a minute",
        looks=tuple(
            Within(
                service=service,
                counted="SELECT count(*) FROM outbox",
                broken="""
                    SELECT subject, type || ' unpublished since ' || occurred_at || ' (event ' || id || ')' FROM outbox
                    WHERE published_at IS NULL AND occurred_at < %(now)s::timestamptz - interval '60 seconds'
                    ORDER BY position""",
            )
            for service in SERVICES
        ),
    ),
    Invariant(
        group="I9",
        name="in order",
        says="the events of one thing are numbered upwards in the order in which they were committed",
        looks=tuple(
            Within(
                service=service,
                counted="SELECT count(*) FROM outbox WHERE sequence IS NOT NULL",
                broken="""
                    SELECT subject, type || ' has number ' || sequence || ' after number ' || before FROM (
                      SELECT subject, type, sequence, lag(sequence) OVER (PARTITION BY subject ORDER BY position)
                        AS before FROM outbox WHERE sequence IS NOT NULL) AS told
                    WHERE sequence <= before""",
            )
            for service in SERVICES
        ),
    ),
    Invariant(
        group="I9",
        name="not ahead of itself",
        says="no event has a higher number than the version of what it tells of",
        looks=tuple(_versions(service, table) for service, tables in AGGREGATES.items() for table in tables),
    ),
    Invariant(
        group="I9",
        name="memory not ahead",
        says="nobody remembers a later version than its owner has",
        looks=tuple(_not_ahead(reader, table, key, source, owned) for reader, table, key, source, owned, _ in MEMORIES),
    ),
    Invariant(
        group="I9",
        name="memory not behind",
        says="whoever handled a version remembers it or a later one",
        looks=tuple(
            _not_behind(reader, table, key, source, events) for reader, table, key, source, _, events in MEMORIES
        ),
    ),
)
