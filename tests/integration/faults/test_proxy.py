"""The fault proxy does to a stream what it says, and nothing to a good one."""

from __future__ import annotations

import contextlib
import socket
import socketserver
import threading
import time
from collections.abc import Iterator

import pytest

from tests.faults.proxy import Proxy, Way, Weather
from tests.support.eventually import eventually

BRIEF = 0.3


class _Echo(socketserver.BaseRequestHandler):
    def handle(self) -> None:
        greeting: bytes = self.server.greeting  # type: ignore[attr-defined]  # set by Upstream
        self.request.sendall(greeting)
        with contextlib.suppress(OSError):
            while data := self.request.recv(65536):
                self.request.sendall(data)


class Upstream:
    """A server that says its name and repeats what it hears."""

    def __init__(self, name: str, port: int = 0) -> None:
        self.server = socketserver.ThreadingTCPServer(("127.0.0.1", port), _Echo, bind_and_activate=False)
        self.server.allow_reuse_address = self.server.daemon_threads = True
        self.server.server_bind()
        self.server.server_activate()
        self.server.greeting = name.encode()  # type: ignore[attr-defined]  # read by _Echo
        self.address = ("127.0.0.1", int(self.server.server_address[1]))
        threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True).start()

    def stop(self) -> None:
        self.server.shutdown()
        self.server.server_close()


@pytest.fixture
def upstream() -> Iterator[Upstream]:
    server = Upstream("a")
    yield server
    server.stop()


@pytest.fixture
def proxy(upstream: Upstream) -> Iterator[Proxy]:
    with Proxy(upstream.address) as running:
        yield running


def connect(proxy: Proxy, timeout: float = 5) -> socket.socket:
    return socket.create_connection(proxy.address, timeout=timeout)


def greeted(proxy: Proxy) -> socket.socket:
    """A connection on which the upstream has said its name."""
    client = connect(proxy)
    assert client.recv(1) == b"a"
    return client


def read(client: socket.socket, count: int) -> bytes:
    data = b""
    while len(data) < count and (piece := client.recv(65536)):
        data += piece
    return data


def test_a_good_line_carries_everything_and_both_ends(proxy: Proxy) -> None:
    with greeted(proxy) as client:
        content = bytes(range(256)) * 4_000
        threading.Thread(target=client.sendall, args=(content,)).start()
        assert read(client, len(content)) == content
        client.shutdown(socket.SHUT_WR)
        assert client.recv(1) == b""
    eventually(lambda: proxy.open_lines == 0)


def test_latency_makes_each_way_longer_and_takes_nothing_away(proxy: Proxy) -> None:
    with greeted(proxy) as client:
        proxy.behave(Weather(latency=0.15))
        began = time.monotonic()
        client.sendall(b"how far")
        assert read(client, 7) == b"how far"
        assert 0.3 <= time.monotonic() - began < 2


def test_a_throttled_line_becomes_fast_again_in_the_middle_of_a_piece(proxy: Proxy) -> None:
    with greeted(proxy) as client:
        proxy.behave(Weather(bytes_per_second=2_000))
        began = time.monotonic()
        client.sendall(b"x" * 60_000)
        assert read(client, 400)
        assert time.monotonic() - began > 0.15
        proxy.behave()
        rest = read(client, 50_000)
        assert len(rest) >= 50_000
        assert time.monotonic() - began < 10  # thirty seconds at the old rate


def test_nobody_listens_where_connections_are_refused(proxy: Proxy) -> None:
    with greeted(proxy) as client:
        proxy.behave(Weather(way=Way.REFUSE))
        with pytest.raises(ConnectionResetError):
            client.recv(1)
        with pytest.raises(ConnectionRefusedError):
            connect(proxy)
    proxy.behave()
    greeted(proxy).close()


def test_a_resetting_line_resets_new_connections_and_old_ones(proxy: Proxy) -> None:
    with greeted(proxy) as old:
        proxy.behave(Weather(way=Way.RESET))
        with pytest.raises(ConnectionResetError):
            old.recv(1)
        with pytest.raises(ConnectionResetError), connect(proxy) as new:
            new.recv(1)


def test_a_half_open_line_accepts_and_never_answers(proxy: Proxy) -> None:
    with greeted(proxy) as old:
        proxy.behave(Weather(way=Way.HALF_OPEN))
        with connect(proxy, timeout=BRIEF) as client:
            client.sendall(b"is anybody there")
            with pytest.raises(TimeoutError):
                client.recv(1)
            old.sendall(b"yes")
            assert read(old, 3) == b"yes"
            client.settimeout(5)
            proxy.behave()
            with pytest.raises(ConnectionResetError):
                client.recv(1)


def test_a_black_hole_in_the_middle_of_a_stream_gives_everything_back_when_it_closes(proxy: Proxy) -> None:
    with greeted(proxy) as client:
        proxy.behave(Weather(way=Way.BLACK_HOLE))
        client.sendall(b"one two")
        client.settimeout(BRIEF)
        with pytest.raises(TimeoutError):
            client.recv(1)
        with connect(proxy, timeout=BRIEF) as other, pytest.raises(TimeoutError):
            other.recv(1)
        client.settimeout(5)
        proxy.behave()
        assert read(client, 7) == b"one two"


def test_a_connection_is_cut_after_so_many_bytes_of_answers(proxy: Proxy) -> None:
    with greeted(proxy) as client:
        proxy.behave(Weather(cut_after=1_000))
        client.sendall(b"y" * 5_000)
        assert len(read(client, 1_000)) == 1_000
        with pytest.raises(ConnectionResetError):
            client.recv(1)
    with greeted(proxy) as again:
        again.sendall(b"z" * 900)
        assert len(read(again, 900)) == 900


def test_who_connects_is_given_an_upstream_that_lives() -> None:
    first, second = Upstream("1"), Upstream("2")
    with Proxy(first.address, second.address) as proxy:
        clients = [connect(proxy) for _ in range(4)]
        assert sorted(client.recv(1) for client in clients) == [b"1", b"1", b"2", b"2"]
        first.stop()
        clients += [later := connect(proxy), last := connect(proxy)]
        assert (later.recv(1), last.recv(1)) == (b"2", b"2")
        back = Upstream("1", port=first.address[1])
        clients += [one := connect(proxy), other := connect(proxy)]
        assert sorted((one.recv(1), other.recv(1))) == [b"1", b"2"]
        for client in clients:
            client.close()
        back.stop()
    second.stop()


def test_an_upstream_that_failed_its_probe_loses_its_connections_and_gets_no_more() -> None:
    first, second = Upstream("1"), Upstream("2")
    with Proxy(first.address, second.address) as proxy:
        clients = {client.recv(1): client for client in (connect(proxy), connect(proxy))}
        proxy.take_out(first.address)
        with pytest.raises(ConnectionResetError):
            clients[b"1"].recv(1)
        clients[b"2"].sendall(b"still here")
        assert read(clients[b"2"], 10) == b"still here"
        new = [connect(proxy) for _ in range(2)]
        assert {client.recv(1) for client in new} == {b"2"}
        proxy.put_back(first.address)
        new += [connect(proxy) for _ in range(2)]
        assert {client.recv(1) for client in new[2:]} == {b"1", b"2"}
        for client in (*clients.values(), *new):
            client.close()
    first.stop()
    second.stop()


def test_where_no_upstream_lives_the_connection_is_reset() -> None:
    gone = Upstream("x")
    gone.stop()
    with Proxy(gone.address) as proxy, pytest.raises(ConnectionResetError), connect(proxy) as client:
        client.recv(1)
