"""The gateway's connection to the real broker."""

import os
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from uuid import uuid4

import pytest

from gateway.bus import Bus
from gateway.clients.base import Remote
from gateway.settings import load
from libs.chassis.logging import correlation_id
from libs.contracts.base import Nothing
from libs.contracts.errors import Conflict, Internal, Unavailable
from libs.contracts.identity import GetOrganisation, SessionEnded, SignInSettled
from tests.integration.gateway.echo import Echo
from tests.support.eventually import eventually
from tests.support.fixtures import TestBroker


@pytest.fixture
def echo(broker: TestBroker) -> Iterator[Echo]:
    service = Echo(broker.url)
    yield service
    service.stop()


@pytest.fixture
def bus(broker: TestBroker) -> Iterator[Bus]:
    connection = Bus(broker.url, load({"GATEWAY_RPC_SLOT_WAIT": "20"}), in_flight=16)
    connection.start()
    eventually(lambda: is_ready(connection), 10)
    yield connection
    connection.close()


def is_ready(bus: Bus) -> bool:
    try:
        bus.check()
    except Unavailable:
        return False
    return True


def test_a_question_goes_there_and_its_answer_comes_back(bus: Bus, echo: Echo) -> None:
    token = correlation_id.set("trace-1")
    try:
        assert bus.call("echo.say", {"word": "здравей"}, {"nameko.principal": "jwt"}, 5) == {"word": "здравей"}
    finally:
        correlation_id.reset(token)
    name, request, properties = echo.heard[0]
    assert (name, request) == ("say", {"args": [], "kwargs": {"request": {"word": "здравей"}}})
    assert properties.content_type == "application/json"
    assert int(str(properties.expiration)) == 5000
    headers = properties.headers or {}
    assert headers["nameko.principal"] == "jwt"
    assert headers["nameko.correlation_id"] == "trace-1"
    deadline = datetime.fromisoformat(headers["nameko.deadline"])
    assert 0 < (deadline - datetime.now(UTC)).total_seconds() <= 5


def test_many_threads_each_get_their_own_answer(bus: Bus, echo: Echo) -> None:
    def ask(number: int) -> bool:
        return bool(bus.call("echo.say", {"number": number}, {}, 20) == {"number": number})

    with ThreadPoolExecutor(32) as pool:
        assert all(pool.map(ask, range(300)))
    assert len(echo.heard) == 300


def test_a_refusal_comes_as_the_error_it_is(bus: Bus, echo: Echo) -> None:
    with pytest.raises(Conflict) as refusal:
        bus.call("echo.refuse", {}, {}, 5)
    assert (refusal.value.code, refusal.value.params) == ("not_today", {"day": "Monday"})


@pytest.mark.parametrize("method", ["fail", "babble"])
def test_an_answer_that_is_not_of_our_family_tells_nothing(bus: Bus, echo: Echo, method: str) -> None:
    with pytest.raises(Internal) as failure:
        bus.call(f"echo.{method}", {}, {}, 5)
    assert "secret" not in str(failure.value)


def test_no_answer_in_time_is_told_and_leaves_nothing_behind(bus: Bus, echo: Echo) -> None:
    with pytest.raises(Unavailable) as late:
        bus.call("echo.silent", {}, {}, 0.3)
    assert late.value.code == "no_answer"
    assert bus._pending == {}
    assert bus.call("echo.say", {"a": 1}, {}, 5) == {"a": 1}


def test_a_service_that_is_not_there_is_told_at_once(bus: Bus) -> None:
    began = datetime.now(UTC)
    with pytest.raises(Unavailable) as away:
        bus.call("nobody.home", {}, {}, 30)
    assert away.value.code == "service_away"
    assert (datetime.now(UTC) - began).total_seconds() < 5


def test_requests_beyond_the_bound_do_not_pile_up(broker: TestBroker, echo: Echo) -> None:
    bus = Bus(broker.url, in_flight=1)
    eventually(lambda: is_ready(bus), 10)
    begun = threading.Event()

    def wait_in_vain() -> str:
        begun.set()
        with pytest.raises(Unavailable) as refusal:
            bus.call("echo.silent", {}, {}, 1.0)
        return refusal.value.code

    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(wait_in_vain)
        eventually(lambda: echo.heard, 5)
        with pytest.raises(Unavailable) as busy:
            bus.call("echo.say", {}, {}, 0.1)
        assert busy.value.code == "too_busy"
        assert first.result() == "no_answer"
    bus.close()


def test_a_lost_connection_fails_what_waits_and_is_made_anew(bus: Bus, echo: Echo, broker: TestBroker) -> None:
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(bus.call, "echo.silent", {}, {}, 30)
        eventually(lambda: echo.heard, 5)
        connection = bus._connection
        assert connection is not None
        bus._in_thread(lambda: connection._transport.abort())  # type: ignore[attr-defined]
        with pytest.raises(Unavailable) as lost:
            waiting.result(timeout=10)
    assert lost.value.code == "no_answer"
    eventually(lambda: is_ready(bus), 10)
    assert bus.call("echo.say", {"again": True}, {}, 5) == {"again": True}


class Greeter(Remote):
    """A client of the echo."""

    service = "echo"

    def say(self, request: GetOrganisation) -> GetOrganisation:
        return self._tell("say", request, GetOrganisation)

    def silent(self) -> Nothing:
        return self._tell("silent", Nothing(), Nothing)


def test_a_deed_without_an_answer_is_told_again_under_the_same_command_id(bus: Bus, echo: Echo) -> None:
    echo.mute_first = 1
    request = GetOrganisation(organisation_id=uuid4())
    assert Greeter(bus, 2.0).say(request) == request
    first, second = (properties.headers or {} for _, _, properties in echo.heard)
    assert first["nameko.command_id"] == second["nameko.command_id"]


def test_a_deed_is_told_twice_at_most(bus: Bus, echo: Echo) -> None:
    with pytest.raises(Unavailable):
        Greeter(bus, 0.4).silent()
    assert len(echo.heard) == 2


def test_every_listener_hears_every_event_and_a_subscription_its_subject_only(bus: Bus, echo: Echo) -> None:
    ended: list[SessionEnded] = []
    bus.listen(SessionEnded, ended.append)
    mine, others, account = uuid4(), uuid4(), str(uuid4())
    with bus.subscribe(SignInSettled, str(mine)) as subscription:

        def told() -> bool:
            for subject in (others, mine):
                data = {"sign_in_id": str(subject), "account_id": account, "state": "approved"}
                echo.tell("identity.sign_in_settled.v1", data)
            echo.tell("identity.session_ended.v1", {"session_id": str(mine), "account_id": account})
            event = subscription.get(0.2)
            return isinstance(event, SignInSettled) and event.sign_in_id == mine

        eventually(told, 10)
        eventually(lambda: ended and ended[0].session_id == mine, 5)
        while (event := subscription.get(0.05)) is not None:
            assert getattr(event, "sign_in_id", None) == mine
    assert bus._waiters == []


def test_events_nobody_can_read_do_no_harm(bus: Bus, echo: Echo) -> None:
    ended: list[SessionEnded] = []
    bus.listen(SessionEnded, ended.append)
    account = str(uuid4())

    def told() -> bool:
        echo.tell("identity.session_ended.v1", {"nonsense": True})
        echo.tell("identity.session_ended.v1", {"session_id": str(uuid4()), "account_id": account})
        return bool(ended)

    eventually(told, 10)
    assert bus.call("echo.say", {}, {}, 5) == {}


@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")  # that is what is tried here
@pytest.mark.filterwarnings("ignore:Using fork")  # of eventlet, where a test before this one has imported it
def test_a_process_that_was_forked_makes_its_own_connection(bus: Bus, echo: Echo) -> None:
    assert bus.call("echo.say", {"who": "parent"}, {}, 5) == {"who": "parent"}
    child = os.fork()
    if child == 0:
        try:
            ok = bus.call("echo.say", {"who": "child"}, {}, 10) == {"who": "child"}
        except BaseException:
            ok = False
        os._exit(0 if ok else 1)
    _, status = os.waitpid(child, 0)
    assert os.waitstatus_to_exitcode(status) == 0
    assert bus.call("echo.say", {"who": "parent"}, {}, 5) == {"who": "parent"}
