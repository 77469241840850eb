"""A TCP proxy on loopback that spoils what passes: late, slowly, not at all, cut off, or refused.

With several upstreams it plays the service in front of a cluster's nodes: whoever connects is given a node that lives.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import socket
import struct
import threading
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Self, TypeVar

from deploy.local.machine import HOST

CHUNK = 64 * 1024
AHEAD = 64
SECONDS_TO_CONNECT = 2.0
SECONDS_TO_OBEY = 10.0
NO_GOODBYE = struct.pack("ii", 1, 0)

Address = tuple[str, int]
T = TypeVar("T")


class Way(StrEnum):
    """What becomes of connections."""

    PASS = "pass"
    REFUSE = "refuse"  # nobody listens; who is connected is reset
    RESET = "reset"  # accepted and reset at once; who is connected, too
    HALF_OPEN = "half open"  # new connections are accepted and never answered; old ones go on
    BLACK_HOLE = "black hole"  # nothing arrives in either direction, and nobody is told; what was sent arrives later


@dataclass(frozen=True, kw_only=True)
class Weather:
    """How the line behaves; the default is a good line.

    `latency` in seconds and `bytes_per_second` hold for each direction; `cut_after` resets a connection once so many
    bytes of answers have passed since the weather began.
    """

    way: Way = Way.PASS
    latency: float = 0.0
    bytes_per_second: float = 0.0
    cut_after: int | None = None


FAIR = Weather()


@dataclass(eq=False)
class _Line:
    """One client's connection and what leads on from it."""

    client: asyncio.StreamWriter
    upstream: asyncio.StreamWriter | None = None
    address: Address | None = None
    answered: int = 0
    tasks: list[asyncio.Task[None]] = field(default_factory=list)

    def reset(self) -> None:
        """End both sides without a goodbye."""
        for writer in (self.client, self.upstream):
            if writer is not None:
                _reset(writer)
        for task in self.tasks:
            task.cancel()


class Proxy:
    """Listens on loopback in a thread of its own; all methods may be called from any other."""

    def __init__(self, *upstreams: Address, port: int = 0) -> None:
        self.upstreams = list(upstreams)
        self.port = port
        self.accepted = 0
        self._absent: set[Address] = set()
        self._weather = FAIR
        self._turn = itertools.count()
        self._lines: set[_Line] = set()
        self._server: asyncio.Server | None = None
        self._loop = asyncio.new_event_loop()
        self._calm: asyncio.Event | None = None
        self._thread = threading.Thread(target=self._loop.run_forever, name="proxy", daemon=True)

    @property
    def address(self) -> Address:
        """Where it listens."""
        return (HOST, self.port)

    @property
    def weather(self) -> Weather:
        """How the line behaves now."""
        return self._weather

    @property
    def open_lines(self) -> int:
        """How many clients are connected."""
        return len(self._lines)

    def start(self) -> Self:
        """Begin to listen."""
        self._thread.start()
        self._obey(self._listen())
        return self

    def stop(self) -> None:
        """Reset everybody and end."""
        if not self._thread.is_alive():
            return
        self._obey(self._end())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(SECONDS_TO_OBEY)
        self._loop.close()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_exc: object) -> None:
        self.stop()

    def behave(self, weather: Weather = FAIR) -> None:
        """Change how the line behaves, for new connections and for those that stand."""
        self._obey(self._change(weather))

    def cut(self, address: Address | None = None) -> int:
        """Reset all connections, or those that lead to one upstream; how many."""
        return self._obey(self._cut(lambda line: address is None or line.address == address))

    def take_out(self, address: Address) -> None:
        """Lead nobody to this upstream any more, and reset who is connected to it: it has failed its probe."""
        self._absent.add(address)
        self.cut(address)

    def put_back(self, address: Address) -> None:
        """Lead people to this upstream again."""
        self._absent.discard(address)

    def _obey(self, deed: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(deed, self._loop).result(SECONDS_TO_OBEY)

    # --- on the loop --------------------------------------------------------------------------------------------

    async def _listen(self) -> None:
        if self._calm is None:
            self._calm = asyncio.Event()
            self._calm.set()
        self._server = await asyncio.start_server(self._welcome, HOST, self.port, limit=CHUNK)
        self.port = self._server.sockets[0].getsockname()[1]

    async def _close_door(self) -> None:
        if self._server is not None:
            self._server.close()
            self._server = None

    async def _end(self) -> None:
        await self._close_door()
        await self._cut(lambda _line: True)
        others = asyncio.all_tasks() - {asyncio.current_task()}
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)

    async def _change(self, weather: Weather) -> None:
        assert self._calm is not None
        was_half_open = self._weather.way == Way.HALF_OPEN
        self._weather = weather
        for line in self._lines:
            line.answered = 0
        if weather.way == Way.BLACK_HOLE:
            self._calm.clear()
        else:
            self._calm.set()
        if weather.way in (Way.REFUSE, Way.RESET):
            await self._cut(lambda _line: True)
        elif was_half_open:
            await self._cut(lambda line: line.upstream is None)  # whoever is back knows nothing of them
        if weather.way == Way.REFUSE:
            await self._close_door()
        elif self._server is None:
            await self._listen()

    async def _cut(self, chosen: Callable[[_Line], bool]) -> int:
        lines = [line for line in self._lines if chosen(line)]
        for line in lines:
            line.reset()
        self._lines.difference_update(lines)
        return len(lines)

    async def _welcome(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.accepted += 1
        line = _Line(client=writer)
        self._lines.add(line)
        try:
            await self._serve(line, reader)
        finally:
            line.reset()
            self._lines.discard(line)

    async def _serve(self, line: _Line, reader: asyncio.StreamReader) -> None:
        assert self._calm is not None
        if self._weather.way == Way.RESET:
            return
        if self._weather.way == Way.HALF_OPEN:
            while await reader.read(CHUNK):
                pass
            return
        await self._calm.wait()
        connected = await self._connect()
        if connected is None:
            return
        line.address, answers, line.upstream = connected
        pumps = [self._pump(line, reader, line.upstream), self._pump(line, answers, line.client, answers=True)]
        line.tasks = [asyncio.create_task(pump) for pump in pumps]
        await asyncio.gather(*line.tasks, return_exceptions=True)

    async def _connect(self) -> tuple[Address, asyncio.StreamReader, asyncio.StreamWriter] | None:
        """A living upstream, each in its turn; None where none lives."""
        first = next(self._turn)
        for step in range(len(self.upstreams)):
            address = self.upstreams[(first + step) % len(self.upstreams)]
            if address in self._absent:
                continue
            with contextlib.suppress(OSError, TimeoutError):
                async with asyncio.timeout(SECONDS_TO_CONNECT):
                    reader, writer = await asyncio.open_connection(*address, limit=CHUNK)
                return address, reader, writer
        return None

    async def _pump(
        self, line: _Line, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, answers: bool = False
    ) -> None:
        """Carry one direction; its end is passed on, its failure resets both."""
        waiting: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue(AHEAD)
        carrier = asyncio.create_task(self._carry(line, waiting, writer, answers=answers))
        line.tasks.append(carrier)
        try:
            while data := await reader.read(CHUNK):
                await waiting.put((self._loop.time() + self._weather.latency, data))
            await waiting.put((0.0, b""))
            await carrier
        except OSError:
            line.reset()
        finally:
            carrier.cancel()

    async def _carry(
        self,
        line: _Line,
        waiting: asyncio.Queue[tuple[float, bytes]],
        writer: asyncio.StreamWriter,
        *,
        answers: bool,
    ) -> None:
        assert self._calm is not None
        while True:
            due, data = await waiting.get()
            await asyncio.sleep(max(0.0, due - self._loop.time()))
            await self._calm.wait()
            if not data:
                writer.write_eof()
                return
            try:
                await self._write(line, writer, data, answers=answers)
            except OSError:
                line.reset()
                return

    async def _write(self, line: _Line, writer: asyncio.StreamWriter, data: bytes, *, answers: bool) -> None:
        assert self._calm is not None
        while data:
            await self._calm.wait()
            weather = self._weather  # read anew: it may turn while a slow line carries one piece after another
            limit = weather.cut_after if answers else None
            step = max(1, int(weather.bytes_per_second / 20)) if weather.bytes_per_second else CHUNK
            if limit is not None:
                step = min(step, limit - line.answered)
            piece, data = data[:step], data[step:]
            writer.write(piece)
            await writer.drain()
            line.answered += len(piece) if answers else 0
            if limit is not None and line.answered >= limit:
                # a reset throws away what is still under way: first let it leave
                await asyncio.sleep(0.05)
                line.reset()
                return
            if weather.bytes_per_second:
                await asyncio.sleep(len(piece) / weather.bytes_per_second)


def _reset(writer: asyncio.StreamWriter) -> None:
    raw = writer.get_extra_info("socket")
    with contextlib.suppress(OSError):
        if raw is not None:
            raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, NO_GOODBYE)
    writer.transport.abort()
