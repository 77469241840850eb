"""Between request and answer, without the broker: every branch that is hard to reach over it."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import Engine

from libs.chassis.clock import ManualClock
from libs.chassis.database import create_engine, session_factory
from libs.chassis.ids import new_id
from libs.chassis.principal import Principal, PrincipalSigner, PrincipalVerifier
from libs.messaging.answering import Answering, Request
from libs.messaging.work import work_factory
from tests.integration.messaging.conftest import KEYS, Database
from tests.integration.messaging.example.lending.rpc import LendingRpc


@pytest.fixture
def engines(database: Database) -> Iterator[list[Engine]]:
    """A writing and a reading engine as the rpc process has them."""
    both = [create_engine(database.url, pre_ping=False, read_only=read_only) for read_only in (False, True)]
    yield both
    for engine in both:
        engine.dispose()


@pytest.fixture
def answering(engines: list[Engine], clock: ManualClock) -> Answering:
    writing, reading = (session_factory(engine) for engine in engines)
    return Answering(
        LendingRpc,
        open_work=work_factory(writing, clock, read_sessions=reading),
        verifier=PrincipalVerifier(KEYS[1], clock),
        clock=clock,
    )


def ask(answering: Answering, method: str, content: Any, **options: Any) -> dict[str, Any]:
    return answering.answer(Request(method=method, kwargs={"request": content}, **options))


def code(answer: dict[str, Any]) -> str:
    found: str = answer["error"]["value"]["code"]
    return found


def add(answering: Answering, **options: Any) -> dict[str, Any]:
    answer = ask(answering, "add_book", {"title": "Under the Yoke"}, **options)
    assert answer["error"] is None, answer
    result: dict[str, Any] = answer["result"]
    return result


def drop_connections(database: Database) -> None:
    database.all(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
        " WHERE datname = current_database() AND pid <> pg_backend_pid()"
    )


def test_a_principal_is_believed_until_it_expires_and_no_longer(answering: Answering, clock: ManualClock) -> None:
    token, _ = PrincipalSigner(KEYS[0], clock).sign(Principal(account_id=new_id(), session_id=new_id()))
    content = {"seconds": 0}

    first = ask(answering, "who_am_i", content, principal=token)
    clock.advance(timedelta(seconds=59))
    second = ask(answering, "who_am_i", content, principal=token)
    clock.advance(timedelta(seconds=10))

    assert first["result"]["id"] == second["result"]["id"]
    assert ask(answering, "who_am_i", content, principal=token)["error"]["value"]["kind"] == "unauthenticated"


def test_the_store_of_believed_principals_does_not_grow_without_end(
    answering: Answering, clock: ManualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(type(answering._verified), "LIMIT", 2)
    signer = PrincipalSigner(KEYS[0], clock)

    for _ in range(5):
        token, _ = signer.sign(Principal(account_id=new_id(), session_id=new_id()))
        assert ask(answering, "who_am_i", {"seconds": 0}, principal=token)["error"] is None

    assert len(answering._verified._known) <= 2


def test_a_deadline_that_has_come_is_past(answering: Answering, clock: ManualClock) -> None:
    assert code(ask(answering, "add_book", {"title": "x"}, deadline=clock.now())) == "deadline_passed"
    assert add(answering, deadline=clock.now() + timedelta(seconds=1))


@pytest.mark.parametrize("kwargs", [{}, {"request": {"title": "x"}, "other": 1}])
def test_a_request_takes_one_argument(answering: Answering, kwargs: dict[str, Any]) -> None:
    assert code(answering.answer(Request(method="add_book", kwargs=kwargs))) == "invalid"


def test_a_question_on_a_connection_that_died_in_the_pool_is_asked_again(
    answering: Answering, database: Database
) -> None:
    book = add(answering)
    assert ask(answering, "get_book", {"book_id": book["id"]})["error"] is None
    drop_connections(database)

    assert ask(answering, "get_book", {"book_id": book["id"]})["result"] == book


def test_a_remembered_command_on_such_a_connection_is_run_again_and_done_once(
    answering: Answering, database: Database
) -> None:
    add(answering)
    drop_connections(database)
    command_id = str(uuid4())

    assert add(answering, command_id=command_id) == add(answering, command_id=command_id)
    assert database.one("SELECT count(*) FROM books") == 2


def test_a_command_that_is_not_remembered_is_left_to_the_caller(answering: Answering, database: Database) -> None:
    add(answering)
    drop_connections(database)

    answer = ask(answering, "add_book", {"title": "Once"})

    assert answer["error"]["value"]["kind"] == "unavailable"
    assert database.one("SELECT count(*) FROM books WHERE title = 'Once'") == 0


def test_a_reading_engine_refuses_to_write(answering: Answering, database: Database) -> None:
    assert code(ask(answering, "write_in_a_query", {"title": "Smuggled"})) == "internal"
    assert database.one("SELECT count(*) FROM books") == 0


def test_an_answer_is_remembered_with_its_effect_and_belongs_to_its_body(
    answering: Answering, database: Database
) -> None:
    command_id = str(uuid4())
    book = add(answering, command_id=command_id)

    assert add(answering, command_id=command_id) == book
    assert code(ask(answering, "add_book", {"title": "Another"}, command_id=command_id)) == "idempotency_key_reused"
    assert code(ask(answering, "misbehave", {"how": "refuse"}, command_id=command_id)) == "not_today"
    assert database.all("SELECT name, answer FROM commands") == [("add_book", book)]


def test_methods_of_a_service_are_known_by_name(answering: Answering) -> None:
    assert "lend_book" in {method.name for method in answering.methods}
    assert code(ask(answering, "burn_book", {})) == "no_such_method"
