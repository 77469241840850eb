"""`make run`: what a person at the terminal sees, and what is left afterwards."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from deploy.local.leftovers import find_leftovers, stop_leftovers
from deploy.local.machine import HOST, ROOT, Child, free_port
from tests.support.eventually import eventually

RUN = [sys.executable, "-m", "deploy.local", "run"]


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    """The folder of one run, left empty of processes whatever happens."""
    yield tmp_path / "run"
    stop_leftovers(tmp_path)


def _refusal(*arguments: str, **environment: str) -> str:
    done = subprocess.run(
        [*RUN, *arguments],
        cwd=ROOT,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 1, done.stdout + done.stderr
    assert "Traceback" not in done.stdout + done.stderr
    lines = done.stderr.strip().splitlines()
    assert len(lines) == 1, lines
    return lines[0]


def test_a_taken_port_is_told_in_one_sentence(folder: Path) -> None:
    with socket.socket() as taken:
        taken.bind((HOST, 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        said = _refusal("--dir", str(folder), GATEWAY_PORT=port)
    assert (
        said == f"Port {port} for the portal is taken by another program: stop it or set GATEWAY_PORT to a free port."
    )


def test_an_operator_that_there_is_not_is_told_in_one_sentence(folder: Path) -> None:
    said = _refusal("--operator", "nobody", "--dir", str(folder), "--free-ports")
    assert said.startswith("There is no operator 'nobody'. Known presets: ")


def test_a_port_that_is_none_is_told_in_one_sentence(folder: Path) -> None:
    assert _refusal("--dir", str(folder), AMQP_PORT="rabbit") == "AMQP_PORT is 'rabbit', which is no port number."


def test_a_broker_or_a_database_that_does_not_answer_is_told_in_one_sentence(folder: Path) -> None:
    nowhere = f"127.0.0.1:{free_port()}"
    said = _refusal("--dir", str(folder), "--free-ports", AMQP_URL=f"amqp://{nowhere}/")
    assert said.startswith("Nobody answers at the address of AMQP_URL (")
    said = _refusal("--dir", str(folder), "--free-ports", DATABASE_URL=f"postgresql://somebody@{nowhere}/postgres")
    assert said.startswith("PostgreSQL does not let us in at DATABASE_URL (")


def test_a_run_becomes_ready_says_where_and_leaves_nothing_behind(folder: Path, tmp_path: Path) -> None:
    run = Child("make-run", tmp_path)
    run.start([*RUN, "--dir", str(folder), "--free-ports"], cwd=ROOT)
    try:
        ready = eventually(lambda: run.running and (folder / "ready.json").exists(), timeout=90)
        assert ready, run.tail(20)
        report = json.loads((folder / "ready.json").read_text())
        assert requests.get(report["urls"]["portal"], timeout=10).status_code == 200
        said = eventually(lambda: text if "Ctrl-C stops everything." in (text := run.log.read_text()) else "")
        assert report["urls"]["portal"] in said
        assert all(account["login"] in said for account in report["accounts"])
        assert find_leftovers(folder), "the programs of the run are found by their mark"

        run.signal(signal.SIGINT)
        eventually(lambda: not run.running, timeout=60)
    finally:
        run.stop(signal.SIGTERM, seconds=30)
    assert find_leftovers(folder) == []
    assert "Traceback" not in run.log.read_text()
    assert not (folder / "ready.json").exists()
