"""What the installation holds at this moment: memory, descriptors, threads, connections, channels, queues, sessions."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass

import psutil
import psycopg

from tests.faults.stage import Stage

MEGABYTE = 1_000_000
MEMORY, DESCRIPTORS, THREADS, SESSIONS = "memory MB", "descriptors", "threads", "database sessions"
CONNECTIONS, CHANNELS, QUEUES, DEPTH = "connections", "channels", "queues", "messages waiting"
BROKER, DATABASE, TOGETHER = "broker", "database", "all programs"


@dataclass(frozen=True, kw_only=True)
class Sample:
    """What was held, by owner and kind: ("orders-rpc", "threads") → 12."""

    at: float
    held: Mapping[tuple[str, str], float]


class Sampler:
    """Takes samples of a running stage."""

    def __init__(self, stage: Stage) -> None:
        self._stage = stage
        self._admin = stage.running.stack.postgres.admin_url

    def take(self) -> Sample:
        """One sample; a process that is being replaced counts as nothing."""
        held: dict[tuple[str, str], float] = {}
        for name in self._stage.programs:
            for kind, value in _of_program(self._stage.family(name)).items():
                held[name, kind] = value
        held[TOGETHER, MEMORY] = sum(value for (_, kind), value in held.items() if kind == MEMORY)
        held |= self._of_broker() | self._of_database()
        return Sample(at=time.monotonic(), held=held)

    def _of_broker(self) -> dict[tuple[str, str], float]:
        answer = self._stage.running.stack.broker.evaluate(_counts())
        counts = [float(part) for part in answer.strip("{} \n").split(",")]
        return {
            (BROKER, kind): count for kind, count in zip((CONNECTIONS, CHANNELS, QUEUES, DEPTH), counts, strict=True)
        }

    def _of_database(self) -> dict[tuple[str, str], float]:
        with psycopg.connect(self._admin, connect_timeout=5) as connection:
            rows = connection.execute(
                "SELECT usename, count(*) FROM pg_stat_activity WHERE backend_type = 'client backend' "
                "AND usename LIKE 'licentia%' GROUP BY usename"
            ).fetchall()
        return {(f"{DATABASE}: {user.removeprefix('licentia_')}", SESSIONS): float(count) for user, count in rows}


def _counts() -> str:
    """Dead letters and events that nobody hears are kept on purpose; all other queues are to be worked off."""
    return (
        "Kept = fun(Q) -> {resource, _, queue, N} = amqqueue:get_name(Q), "
        'N =:= <<"events.unheard">> orelse binary:longest_common_suffix([N, <<".dead">>]) =:= 5 end, '
        "{length(rabbit_networking:connections()), length(rabbit_channel:list()), length(rabbit_amqqueue:list()), "
        "lists:sum([proplists:get_value(messages, rabbit_amqqueue:info(Q, [messages]), 0) "
        "|| Q <- rabbit_amqqueue:list(), not Kept(Q)])}"
    )


def _of_program(family: list[psutil.Process]) -> dict[str, float]:
    """A program with all its processes; memory with shared pages divided among their users."""
    held = dict.fromkeys((MEMORY, DESCRIPTORS, THREADS), 0.0)
    for process in family:
        try:
            with process.oneshot():
                held[MEMORY] += process.memory_full_info().pss / MEGABYTE
                held[DESCRIPTORS] += process.num_fds()
                held[THREADS] += process.num_threads()
        except psutil.NoSuchProcess:
            continue
    return held
