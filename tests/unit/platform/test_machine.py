"""Ports, locks and child processes."""

from __future__ import annotations

import json
import signal
import socket
import sys
from pathlib import Path

import psutil
import pytest

from deploy.local.errors import CannotStart
from deploy.local.leftovers import find_leftovers, stop_leftovers
from deploy.local.machine import HOST, Child, free_port, held, port_is_free, require_free, write_private
from deploy.local.stack import Ports
from tests.support.eventually import eventually

SLEEPER = [sys.executable, "-c", "import signal; signal.pause()"]
STUBBORN = [
    sys.executable,
    "-c",
    "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('deaf', flush=True); signal.sigwait([12])",
]


def test_a_taken_port_is_refused_in_one_sentence_that_names_the_way_out() -> None:
    with socket.socket() as taken:
        taken.bind((HOST, 0))
        taken.listen()
        port = taken.getsockname()[1]
        assert not port_is_free(port)
        with pytest.raises(CannotStart, match=rf"^Port {port} for the portal is taken .* set GATEWAY_PORT .*\.$"):
            require_free(port, "the portal", "GATEWAY_PORT")
    assert port_is_free(free_port())


def test_ports_come_from_the_environment() -> None:
    ports = Ports.from_environment({"GATEWAY_PORT": "9000", "AMQP_PORT": ""})
    assert (ports.gateway, ports.amqp) == (9000, Ports().amqp)


@pytest.mark.parametrize("text", ["http", "0", "70000", "-1"])
def test_a_port_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(CannotStart, match=r"GATEWAY_PORT is .* which is no port number"):
        Ports.from_environment({"GATEWAY_PORT": text})


def test_free_ports_differ() -> None:
    ports = vars(Ports.free()).values()
    assert len(set(ports)) == len(ports)


def test_a_private_file_is_readable_by_its_owner_alone(tmp_path: Path) -> None:
    write_private(tmp_path / "key", "secret")
    assert (tmp_path / "key").stat().st_mode & 0o777 == 0o600


def test_a_lock_that_another_holds_is_refused(tmp_path: Path) -> None:
    lock = tmp_path / "lock"
    second = held(lock, refusal="It runs already.", seconds=0)
    with held(lock, refusal="", seconds=0), pytest.raises(CannotStart, match="runs already"):
        second.__enter__()
    with held(lock, refusal="It runs already.", seconds=0):
        assert lock.exists()


def test_a_child_is_found_again_by_its_pid_file_and_stopped(tmp_path: Path) -> None:
    child = Child("sleeper", tmp_path)
    child.start(SLEEPER)
    found = Child("sleeper", tmp_path)
    assert found.running
    found.stop(signal.SIGTERM)
    assert not child.running
    assert found.process is None


def test_a_child_that_does_not_listen_is_killed(tmp_path: Path) -> None:
    child = Child("stubborn", tmp_path)
    child.start(STUBBORN)
    eventually(lambda: "deaf" in child.log.read_text())
    child.stop(signal.SIGTERM, seconds=0.2)
    assert not child.running


def test_a_pid_that_another_program_has_by_now_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "sleeper.pid").write_text(json.dumps({"pid": psutil.Process().pid, "started": 1.0}))
    child = Child("sleeper", tmp_path)
    assert child.process is None
    child.stop(signal.SIGTERM)


def test_leftovers_are_found_by_their_folder_and_stopped(tmp_path: Path) -> None:
    ours, others = Child("ours", tmp_path / "run" / "demo"), Child("others", tmp_path / "elsewhere")
    ours.start(SLEEPER)
    others.start(SLEEPER)
    try:
        assert [process.pid for process in find_leftovers(tmp_path / "run")] == [ours.process.pid]  # type: ignore[union-attr]
        assert stop_leftovers(tmp_path / "run") == 1
        assert not ours.running
        assert others.running
    finally:
        others.stop(signal.SIGTERM)
