"""The names of deeds, so that sending one again does it once."""

from collections.abc import Iterator
from contextlib import contextmanager
from uuid import UUID

import pytest
from flask import Flask, g

from gateway.commands import command_id, form_command_id
from libs.contracts.errors import Invalid
from tests.portal.fakes import principal

ME, ANOTHER = principal("manager"), principal("manager")
NAME = "0193b0a0-0000-7000-8000-000000000001"


@contextmanager
def sending(name: str | None = NAME, *, by: object = ME, header: bool = False) -> Iterator[None]:
    """A request that somebody sends."""
    app = Flask(__name__)
    values = {} if name is None else {"Idempotency-Key" if header else "command_id": name}
    with app.test_request_context("/", method="POST", headers=values if header else {}, data={} if header else values):
        g.visitor = by
        yield


def the_id(deed: str = "orders.place_order", part: str = "", **kwargs: object) -> UUID:
    """The command id of a request of its own."""
    with sending(**kwargs):  # type: ignore[arg-type]
        return command_id(deed, part)


def test_the_same_form_sent_twice_names_the_same_deed() -> None:
    assert the_id() == the_id()


def test_a_program_names_its_deed_with_the_header() -> None:
    assert the_id(name="order 17", header=True) == the_id(name="order 17", header=True)


@pytest.mark.parametrize(
    "other",
    [{"by": ANOTHER}, {"by": None}, {"deed": "orders.cancel_order"}, {"part": "2"}, {"name": NAME[:-1] + "2"}],
    ids=["another caller", "nobody", "another deed", "another part", "another name"],
)
def test_anything_else_names_another(other: dict[str, object]) -> None:
    assert the_id(**other) != the_id()  # type: ignore[arg-type]


def test_a_request_without_a_name_is_a_deed_of_its_own_and_keeps_to_it() -> None:
    with sending(None):
        assert command_id("a.b") == command_id("a.b")
        first = command_id("a.b")
    assert the_id("a.b", name=None) != first


@pytest.mark.parametrize("name", ["", "x" * 201, "a\nb"])
def test_a_name_that_is_none_is_refused(name: str) -> None:
    with sending(name), pytest.raises(Invalid):
        command_id("a.b")


def test_a_form_that_is_shown_again_keeps_its_name_and_a_strange_one_is_replaced() -> None:
    with sending(NAME):
        assert form_command_id() == NAME
    with sending("strange"):
        assert UUID(form_command_id())
