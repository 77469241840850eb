"""The rows that one order leaves in the database of `orders`: copied from a real one, inserted again under new ids."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any

from psycopg import Connection, Cursor, sql
from psycopg.rows import dict_row
from psycopg.types.json import Jsonb

from libs.chassis.ids import new_id

Row = dict[str, Any]
TABLES = ("orders", "order_lines", "commands", "outbox")
GIVEN_BY_DATABASE = {"outbox": "position"}


@dataclass(frozen=True, kw_only=True)
class OrderRows:
    """One order's rows by table, ready to be inserted again and again."""

    rows: dict[str, list[Row]]

    @classmethod
    def of_order(cls, source: Connection[Any], number: str) -> OrderRows:
        """The rows that placing this order wrote."""
        order = _rows(source, "SELECT * FROM orders WHERE number = %s", number)
        (one,) = order
        # one: in the yardstick's own database every copy holds the first order's answer
        command = _rows(source, "SELECT * FROM commands WHERE answer->>'number' = %s LIMIT 1", number)
        events = "SELECT * FROM outbox WHERE subject = %s AND type = 'orders.order_placed.v1'"
        return cls(
            rows={
                "orders": order,
                "order_lines": _rows(source, "SELECT * FROM order_lines WHERE order_id = %s", one["id"]),
                "commands": command,
                "outbox": [{**row, "published_at": None} for row in _rows(source, events, str(one["id"]))],
            }
        )

    @classmethod
    def read(cls, connection: Connection[Any]) -> OrderRows:
        """The rows of the first order of a database, which `copy` put there."""
        number = connection.execute("SELECT number FROM orders ORDER BY number LIMIT 1").fetchone()
        if number is None:
            raise LookupError("no order to copy")
        return cls.of_order(connection, number[0])

    def insert(self, cursor: Cursor[Any]) -> str:
        """Insert them under new ids; the new order's number."""
        order_id, number = new_id(), f"B-{new_id()}"
        changed: dict[str, Callable[[], Row]] = {
            "orders": lambda: {"id": order_id, "number": number, "reference": number},
            "order_lines": lambda: {"id": new_id(), "order_id": order_id},
            "commands": lambda: {"command_id": str(new_id())},
            "outbox": lambda: {"id": new_id(), "subject": str(order_id)},
        }
        for table in TABLES:
            for row in self.rows[table]:
                cursor.execute(*_insertion(table, {**row, **changed[table]()}))
        return number


def copy(source: Connection[Any], target: Connection[Any], number: str) -> None:
    """Put one real order, with the products of its lines, into an empty database of the same shape."""
    order = OrderRows.of_order(source, number)
    if not all(order.rows[table] for table in TABLES):
        raise LookupError(f"order {number} left no row in {[table for table in TABLES if not order.rows[table]]}")
    for line in order.rows["order_lines"]:
        for product in _rows(source, "SELECT * FROM products WHERE id = %s", line["product_id"]):
            target.execute(*_insertion("products", product))
    for table in TABLES:
        for row in order.rows[table]:
            target.execute(*_insertion(table, row))
    target.commit()


def _rows(connection: Connection[Any], query: str, value: Any) -> list[Row]:
    with connection.cursor(row_factory=dict_row) as cursor:
        return cursor.execute(query.encode(), [value]).fetchall()


def _insertion(table: str, row: Row) -> tuple[bytes, list[Any]]:
    given = {name: value for name, value in row.items() if name != GIVEN_BY_DATABASE.get(table)}
    values = [Jsonb(value) if isinstance(value, dict | list) else value for value in given.values()]
    return _statement(table, tuple(given)), values


@cache
def _statement(table: str, columns: tuple[str, ...]) -> bytes:
    statement = sql.SQL("INSERT INTO {} ({}) VALUES ({})").format(
        sql.Identifier(table),
        sql.SQL(", ").join(map(sql.Identifier, columns)),
        sql.SQL(", ").join(sql.Placeholder() * len(columns)),
    )
    return statement.as_bytes()
