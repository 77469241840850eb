"""The demo accounts of a preset."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from services.identity import load
from services.identity.model import Account, Organisation
from tests.support.builders.identity import Desk, Holder, a_principal
from tests.support.databases import Databases

Run = Callable[..., list[dict[str, Any]]]


@pytest.fixture
def run(
    service_database: Databases, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> Run:
    monkeypatch.setenv(load.DATABASE_URL, service_database("identity").url)

    def once(preset: str = "demo") -> list[dict[str, Any]]:
        capsys.readouterr()  # what the test itself has logged so far
        assert load.main([preset, "--accounts-file", str(tmp_path / "accounts.json")]) == 0
        printed: list[dict[str, Any]] = json.loads(capsys.readouterr().out)
        return printed

    return once


@pytest.mark.parametrize("preset", ["demo", "academy", "ministry"])
def test_every_preset_loads(run: Run, preset: str) -> None:
    accounts = {one["login"]: one for one in run(preset)}
    assert {"manager", "clerk", "finance", "admin"} <= set(accounts)
    assert all(one["password"] for one in accounts.values())


def test_a_second_run_changes_nothing_and_tells_no_password(
    run: Run, desk: Desk, service_database: Databases, tmp_path: Path
) -> None:
    first = run()
    events = len(desk.events())
    second = run()
    assert [one["login"] for one in second] == [one["login"] for one in first]
    assert not any("password" in one for one in second)
    assert len(desk.events()) == events
    with service_database("identity").sessions() as session:
        assert len(session.scalars(select(Organisation)).all()) == 1
        assert len(session.scalars(select(Account)).all()) == len(first)
    assert json.loads((tmp_path / "accounts.json").read_text()) == first


def test_the_file_keeps_passwords_that_still_work_and_no_others(run: Run, desk: Desk, tmp_path: Path) -> None:
    path = tmp_path / "accounts.json"
    accounts = {one["login"]: one for one in run()}
    assert path.stat().st_mode & 0o777 == 0o600
    with desk.work_for("identity", principal=a_principal("admin")) as work:
        account = load._by_login(work, "finance")
        assert account is not None
        view = type("View", (), {"account_id": account.id, "login": "finance", "roles": ["finance"]})()
    holder = Holder(view, accounts["finance"]["password"])
    desk.change(holder, desk.begin(holder))
    run()
    kept = {one["login"]: one.get("password") for one in json.loads(path.read_text())}
    assert kept["finance"] is None
    assert kept["manager"] == accounts["manager"]["password"]


@pytest.mark.parametrize(("preset", "word"), [("nonsense", "nonsense"), ("demo", load.DATABASE_URL)])
def test_what_is_missing_is_said_in_a_sentence(
    preset: str, word: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv(load.DATABASE_URL, raising=False)
    assert load.main([preset]) == 1
    assert word in capsys.readouterr().err
