"""The RPC rim, called over the real broker."""

import json
import time
import uuid
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from libs.chassis.ids import new_id
from libs.chassis.principal import Principal, PrincipalSigner, generate_key_pair
from tests.integration.messaging.client import Client
from tests.integration.messaging.conftest import KEYS, Lending
from tests.support.eventually import eventually

ACCOUNT = UUID("0193b0a0-0000-7000-8000-000000000001")


def token(account_id: UUID = ACCOUNT, private_key: str = KEYS[0]) -> str:
    signed, _ = PrincipalSigner(private_key).sign(Principal(account_id=account_id, session_id=new_id()))
    return signed


def add(lending: Lending, title: str = "Under the Yoke") -> str:
    book_id: str = lending.client.result("add_book", {"title": title})["id"]
    return book_id


def test_a_command_changes_the_database_and_a_query_reads_it(lending: Lending) -> None:
    book_id = add(lending)

    assert lending.client.result("get_book", {"book_id": book_id})["title"] == "Under the Yoke"


def test_the_event_of_a_command_lies_in_the_outbox_with_its_correlation_and_cause(lending: Lending) -> None:
    command_id = str(uuid.uuid4())
    book_id = lending.client.result(
        "add_book", {"title": "Bay Ganyo"}, command_id=command_id, correlation_id="trace-77"
    )["id"]

    rows = lending.database.all(
        "SELECT type, sequence, correlation_id, causation_id FROM outbox WHERE subject = :book", book=book_id
    )
    assert [tuple(row) for row in rows] == [("lending.book_added.v1", 1, "trace-77", command_id)]


def test_without_a_principal_only_public_methods_answer(lending: Lending) -> None:
    book_id = add(lending)

    assert lending.client.error("lend_book", {"book_id": book_id})["code"] == "unauthenticated"
    assert lending.client.result("lend_book", {"book_id": book_id}, principal=token())["times_lent"] == 1


@pytest.mark.parametrize("forged", ["", "not a token", token(private_key=generate_key_pair()[0])])
def test_a_principal_that_identity_did_not_sign_is_refused(lending: Lending, forged: str) -> None:
    error = lending.client.error("who_am_i", {"seconds": 0}, principal=forged)

    assert error["kind"] == "unauthenticated"


def test_a_handler_learns_who_asks_and_under_which_correlation_id(lending: Lending) -> None:
    answer = lending.client.result("who_am_i", {"seconds": 0}, principal=token(), correlation_id="trace-78")

    assert (answer["id"], answer["title"]) == (str(ACCOUNT), "trace-78")


def test_a_refusal_crosses_with_its_code_and_leaves_nothing_behind(lending: Lending) -> None:
    error = lending.client.error("misbehave", {"how": "refuse"})

    assert (error["kind"], error["code"], error["params"]) == ("conflict", "not_today", {"weekday": "Monday"})
    assert lending.database.one("SELECT count(*) FROM books WHERE title = 'never to be seen'") == 0


def test_an_unknown_failure_tells_the_caller_nothing_of_its_cause(lending: Lending) -> None:
    answer = lending.client.call("misbehave", {"how": "fail"})

    assert answer["error"]["value"]["kind"] == "internal"
    assert "Petrov" not in json.dumps(answer)


def test_wrong_fields_are_named(lending: Lending) -> None:
    error = lending.client.error("get_book", {"book_id": "seven"})

    assert error["kind"] == "invalid"
    assert [(fault["field"], fault["code"]) for fault in error["faults"]] == [("book_id", "not_an_id")]


def test_an_unknown_method_is_answered(lending: Lending) -> None:
    assert lending.client.error("burn_book", {})["code"] == "no_such_method"


def test_a_query_cannot_write(lending: Lending) -> None:
    lending.client.error("write_in_a_query", {"title": "Smuggled"})

    assert lending.database.one("SELECT count(*) FROM books WHERE title = 'Smuggled'") == 0


def test_a_request_past_its_deadline_is_dropped_unread(lending: Lending) -> None:
    late = lending.client.send("add_book", {"title": "Too late"}, within=timedelta(seconds=-1))

    assert lending.client.result("add_book", {"title": "In time"})
    with pytest.raises(AssertionError, match="no answer"):
        lending.client.receive(late, timeout=0.5)
    assert lending.client.depth("rpc-lending") == 0
    assert lending.database.one("SELECT count(*) FROM books WHERE title = 'Too late'") == 0


def test_a_collision_that_does_not_end_is_told_as_a_conflict(lending: Lending) -> None:
    assert lending.client.error("misbehave", {"how": "stale"})["code"] == "changed_meanwhile"


def test_many_at_once_on_one_book_lose_no_loan(lending: Lending) -> None:
    book_id = add(lending)
    calls = [lending.client.send("lend_book", {"book_id": book_id}, principal=token()) for _ in range(8)]

    done = [answer for answer in map(lending.client.receive, calls) if answer["error"] is None]
    stored = lending.client.result("get_book", {"book_id": book_id})["times_lent"]

    assert stored == len(done) >= 1
    assert lending.database.one(
        "SELECT count(*) FROM outbox WHERE subject = :book AND type = 'lending.book_lent.v1'", book=book_id
    ) == len(done)


class TestCommandIds:
    def test_the_same_id_with_the_same_body_gets_the_first_answer_and_one_effect(self, lending: Lending) -> None:
        book_id, command_id = add(lending), str(uuid.uuid4())
        request = {"book_id": book_id}

        first = lending.client.result("lend_book", request, principal=token(), command_id=command_id)
        again = lending.client.result("lend_book", request, principal=token(), command_id=command_id)

        assert first == again
        assert lending.client.result("get_book", request)["times_lent"] == 1

    def test_the_same_id_sent_eight_times_at_once_has_one_effect(self, lending: Lending) -> None:
        book_id, command_id = add(lending), str(uuid.uuid4())
        calls = [
            lending.client.send("lend_book", {"book_id": book_id}, principal=token(), command_id=command_id)
            for _ in range(8)
        ]

        answers = [lending.client.receive(call)["result"] for call in calls]

        assert [answer["times_lent"] for answer in answers] == [1] * 8
        assert lending.client.result("get_book", {"book_id": book_id})["times_lent"] == 1

    def test_the_same_id_with_another_body_is_a_conflict(self, lending: Lending) -> None:
        command_id = str(uuid.uuid4())
        lending.client.result("add_book", {"title": "One"}, command_id=command_id)

        error = lending.client.error("add_book", {"title": "Two"}, command_id=command_id)

        assert (error["kind"], error["code"]) == ("conflict", "idempotency_key_reused")

    def test_two_accounts_that_choose_the_same_id_do_not_meet(self, lending: Lending) -> None:
        book_id, command_id = add(lending), str(uuid.uuid4())
        request = {"book_id": book_id}

        lending.client.result("lend_book", request, principal=token(), command_id=command_id)
        lending.client.result("lend_book", request, principal=token(new_id()), command_id=command_id)

        assert lending.client.result("get_book", request)["times_lent"] == 2

    def test_a_refused_command_is_not_remembered(self, lending: Lending) -> None:
        command_id = str(uuid.uuid4())

        lending.client.error("misbehave", {"how": "refuse"}, command_id=command_id)

        assert lending.database.one("SELECT count(*) FROM commands WHERE command_id = :id", id=command_id) == 0


def body(request: object) -> bytes:
    return json.dumps({"args": [], "kwargs": {"request": request}}).encode()


GOOD = {"content_type": "application/json", "reply_to": "5ab10a2e-6c80-4ad7-8f3b-29a6f9a0f111"}
POISON = {
    "not JSON": (b'{"args": [', GOOD, "not_json"),
    "bytes that are no text": (b"\xff\xfe\x00", GOOD, "not_json"),
    "deep nesting": (b"[" * 100_000, GOOD, "not_json"),
    "a list": (b"[]", GOOD, "no_arguments"),
    "no kwargs": (b'{"args": []}', GOOD, "no_arguments"),
    "no properties": (body({"title": "x"}), {}, "wrong_content_type"),
    "another content type": (body({"title": "x"}), {**GOOD, "content_type": "text/plain"}, "wrong_content_type"),
    "a pickle": (b"\x80\x04K\x01.", {**GOOD, "content_type": "application/x-python-serialize"}, "wrong_content_type"),
    "no reply_to": (body({"title": "x"}), {"content_type": "application/json"}, "no_reply_to"),
    "another's method for a reply_to": (body({}), {**GOOD, "reply_to": "orders.place_order"}, "wrong_reply_to"),
    "a direct reply_to": (body({}), {**GOOD, "reply_to": "amq.rabbitmq.reply-to.x"}, "wrong_reply_to"),
    "a number for a header": (body({}), {**GOOD, "headers": {"nameko.principal": 5}}, "wrong_header_principal"),
    "a deadline that is no time": (body({}), {**GOOD, "headers": {"nameko.deadline": "soon"}}, "wrong_header_deadline"),
}


@pytest.mark.parametrize("case", POISON)
def test_poison_is_noted_and_the_process_lives(lending: Lending, case: str) -> None:
    content, properties, reason = POISON[case]
    lending.client.publish("lending.add_book", content, **properties)

    note = eventually(lambda: lending.client.get("lending.rpc.dead"))

    assert note is not None
    told = json.loads(note[1])
    assert (told["reason"], told["routing_key"], told["size"]) == (reason, "lending.add_book", len(content))
    assert lending.client.result("get_book", {"book_id": add(lending)})
    assert eventually(lambda: lending.client.depth("rpc-lending") == 0)


@pytest.mark.parametrize("broken", [{"reply_to": b"\xff\xff"}, {"headers": {"a": {"b": b"\xff"}}, "app_id": b"\xfe"}])
def test_properties_that_cannot_be_decoded_are_noted_and_the_process_lives(
    lending: Lending, broken: dict[str, Any]
) -> None:
    lending.client.publish("lending.add_book", b"{}", **{**GOOD, **broken})

    note = eventually(lambda: lending.client.get("lending.rpc.dead"))

    assert note is not None
    assert json.loads(note[1])["reason"] == "damaged_properties"
    assert add(lending)


def test_a_routing_key_that_is_no_text_harms_nobody(lending: Lending) -> None:
    lending.client.publish(b"lending.\xff", body({}), **GOOD)  # type: ignore[arg-type]  # no decent client can say this

    assert add(lending)
    assert eventually(lambda: lending.client.depth("rpc-lending") == 0)


def test_a_reply_that_nobody_waits_for_harms_nobody(lending: Lending) -> None:
    impatient = Client(lending.amqp_url)
    impatient.send("add_book", {"title": "Left alone"})
    impatient.close()

    assert eventually(lambda: lending.database.one("SELECT count(*) FROM books WHERE title = 'Left alone'") == 1)
    assert add(lending)


def test_a_stock_nameko_client_is_answered_where_an_administrator_binds_its_key(lending: Lending) -> None:
    from kombu.pools import reset
    from nameko.exceptions import RemoteError
    from nameko.standalone.rpc import ServiceRpcProxy

    client = ServiceRpcProxy("lending", {"AMQP_URI": lending.amqp_url}, timeout=10)
    with client as proxy:
        lending.client.channel.exchange_bind("nameko-rpc", "rpc.replies", client._reply_listener.routing_key)
        book = proxy.add_book(request={"title": "Time of Parting"})
        assert book["title"] == "Time of Parting"
        with pytest.raises(RemoteError) as caught:
            proxy.misbehave(request={"how": "refuse"})
    assert caught.value.value["code"] == "not_today"
    reset()  # kombu keeps connections for later


def test_waiting_for_the_database_stops_nobody_else(lending: Lending) -> None:
    lending.client.call("pause", {"seconds": 0})
    began = time.monotonic()
    calls = [lending.client.send("pause", {"seconds": 0.25}) for _ in range(4)]

    answers = [lending.client.receive(call) for call in calls]

    assert [answer["error"] for answer in answers] == [None] * 4
    assert time.monotonic() - began < 0.6


def test_the_process_stays_small(lending: Lending) -> None:
    # about 80 when it serves, of which 57 are its own; the rest of this file's tests leave a little behind
    assert lending.process.memory() < 90
