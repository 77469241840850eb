"""Turns go by who came first, and no slow service takes them all."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor

from gateway.slots import Slots, Turns
from tests.support.eventually import eventually


def test_a_place_goes_to_who_waited_longest() -> None:
    turns, order = Turns(1), []
    assert turns.take(0)

    def wait(number: int) -> None:
        assert turns.take(5)
        order.append(number)
        turns.give()

    threads = []
    for number in range(5):
        threads.append(threading.Thread(target=wait, args=(number,)))
        threads[-1].start()
        assert eventually(lambda number=number: len(turns._row) == number + 1)
    turns.give()
    for thread in threads:
        thread.join(5)
    assert order == [0, 1, 2, 3, 4]


def test_who_waits_in_vain_leaves_no_trace() -> None:
    turns = Turns(1)
    assert turns.take(0)
    began = time.monotonic()
    assert not turns.take(0.05)
    assert time.monotonic() - began < 2
    turns.give()
    assert turns.take(0)


def test_no_place_is_lost_or_made_in_a_crowd() -> None:
    turns, inside, most = Turns(3), [0], [0]
    lock = threading.Lock()

    def pass_through(_: int) -> bool:
        if not turns.take(0.01):
            return False
        with lock:
            inside[0] += 1
            most[0] = max(most[0], inside[0])
        with lock:
            inside[0] -= 1
        turns.give()
        return True

    with ThreadPoolExecutor(16) as pool:
        list(pool.map(pass_through, range(2_000)))
    assert most[0] <= 3
    assert all(turns.take(0) for _ in range(3))
    assert not turns.take(0)


def test_a_slow_service_leaves_places_for_the_others() -> None:
    slots = Slots(3, each=2)
    assert slots.take("orders", 0)
    assert slots.take("orders", 0)
    assert not slots.take("orders", 0.01)
    assert slots.take("identity", 0)
    assert not slots.take("licensing", 0.01)
    slots.free("orders")
    assert slots.take("licensing", 0)
