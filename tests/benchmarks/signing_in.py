"""Names and passwords checked through the API, beside nothing but argon2id on all cores."""

from __future__ import annotations

import os
import time
from concurrent.futures import ThreadPoolExecutor
from statistics import median

import argon2
import requests

from tests.benchmarks.bench import Bench, by_turns
from tests.benchmarks.load import drive, request
from tests.benchmarks.people import PASSWORD, Person
from tests.benchmarks.table import Figure
from tests.support.eventually import eventually

CONNECTIONS = 16


def measure(bench: Bench) -> list[Figure]:
    """Sign-ins a second at 16 connections, each of another account, up to the answer that the phone is being asked."""
    waiting = iter(bench.people.everybody)
    until_pushed: list[float] = []

    def sign_ins() -> float:
        people = [next(waiting) for _ in range(bench.size.sign_ins)]
        before = _pushes(bench)
        began = time.perf_counter()
        run = drive(bench.port, map(_begin, people), connections=CONNECTIONS).require(201)
        states = {answer.json()["state"] for answer in run.answers}
        if states != {"awaiting_factor"}:
            raise AssertionError(f"sign-ins stood at {states}")
        eventually(lambda: _pushes(bench) >= before + len(people), timeout=60, every=0.1)
        until_pushed.append(len(people) / (time.perf_counter() - began))
        _approve_all(bench)
        bench.installation.settle()
        return run.per_second

    # each account signs in once: pushes that nobody answers are counted against their holder
    rounds = min(bench.size.rounds, bench.size.people // bench.size.sign_ins)
    figure, yardstick = by_turns(rounds, sign_ins, lambda: checks_per_second(bench.size.seconds))
    return [
        Figure(
            what="Sign-ins: name and password, up to the push request",
            value=figure,
            unit="sign-ins/s",
            yardstick=yardstick,
            yardstick_is="argon2id checks on all cores",
            least=0.7,
        ),
        Figure(
            what="The same until the push has reached the provider",
            value=median(until_pushed),
            unit="sign-ins/s",
            note="with the simulated provider on the same two cores",
        ),
    ]


def checks_per_second(seconds: float) -> float:
    """What all cores check when they do nothing else."""
    hasher = argon2.PasswordHasher(time_cost=2, memory_cost=19_456, parallelism=1)
    digest = hasher.hash(PASSWORD)
    began = time.perf_counter()

    def check(_core: int) -> int:
        done = 0
        while time.perf_counter() < began + seconds:
            hasher.verify(digest, PASSWORD)
            done += 1
        return done

    cores = os.cpu_count() or 1
    with ThreadPoolExecutor(cores) as pool:
        done = sum(pool.map(check, range(cores)))
    return done / (time.perf_counter() - began)


def _begin(person: Person) -> bytes:
    return request("POST", "/api/v1/sign-ins", body={"login": person.login, "password": PASSWORD})


def _pushes(bench: Bench) -> int:
    with bench.installation.connect("mfa") as mfa:
        (count,) = mfa.execute("SELECT count(*) FROM challenges WHERE transaction_id IS NOT NULL").fetchone() or (0,)
    return int(count)


def _approve_all(bench: Bench) -> None:
    """Let nobody wait any longer: open pushes are looked after every few seconds."""
    pushes = f"{bench.installation.push_app}/pushes"
    with requests.Session() as phone:
        for push in phone.get(pushes, params={"open": "1"}, timeout=20).json():
            phone.post(f"{pushes}/{push['transaction_id']}/approve", timeout=10).raise_for_status()
