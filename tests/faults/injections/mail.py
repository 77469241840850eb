"""The mail server away, mute, or putting everything off: each mail comes once it is back, and comes once."""

from __future__ import annotations

import time

import requests

from deploy.local.machine import HOST, wait_until
from tests.faults.injections import Fault
from tests.faults.proxy import Proxy, Way, Weather
from tests.faults.stage import Stage
from tests.faults.verifying import repeated_letters

SECONDS_TO_COME = 150.0
"""Until every mail is out once the server is back: one that was put off waits half a minute, then hundreds are due."""


def away(stage: Stage) -> None:
    """Connections are refused, then accepted and never answered, then every letter is put off with 451."""
    seconds = 6 if stage.short else 25
    repeated = repeated_letters(stage.mail)
    port = stage.running.stack.ports.mail_smtp
    with (
        Proxy((HOST, port)) as way,
        stage.with_environment("notifications-worker", SMTP_URL=f"smtp://{HOST}:{way.port}"),
    ):
        for weather in (Weather(way=Way.REFUSE), Weather(way=Way.HALF_OPEN)):
            way.behave(weather)
            stage.rest(seconds)
        _is_behind(stage)
        _put_off_everything(stage)
        way.behave()
        stage.rest(seconds)
        requests.delete(f"{stage.mail}api/behaviour", timeout=10).raise_for_status()
        began = time.monotonic()
        owed = _owed(stage)
        came = wait_until(lambda: not owed & _owed(stage), seconds=SECONDS_TO_COME, every=0.5)
        assert came, (
            f"{len(owed & _owed(stage))} mails had not gone out {SECONDS_TO_COME:.0f} s after the server was back"
        )
        stage.log(f"{len(owed)} mails went out within {time.monotonic() - began:.1f} s of the server's return")
    again = repeated_letters(stage.mail) - repeated
    assert not again, f"{again} letters came twice though nobody died"


def _put_off_everything(stage: Stage) -> None:
    plan = {"temporary_failures": 1_000_000}
    requests.patch(f"{stage.mail}api/behaviour", json=plan, timeout=10).raise_for_status()


def _is_behind(stage: Stage) -> None:
    assert wait_until(lambda: bool(_owed(stage)), seconds=20, every=0.2), "no mail was owed while the server was away"


def _owed(stage: Stage) -> set[str]:
    """The mails that are queued."""
    with stage.postgres.connect("notifications") as connection:
        rows = connection.execute("SELECT id FROM mails WHERE state = 'queued'").fetchall()
    return {str(row[0]) for row in rows}


FAULTS = [
    Fault(
        name="mail-away",
        injected="mail server refuses, is mute, puts off: 75 s",
        run=away,
        seconds=125,
    ),
]
