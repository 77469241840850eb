"""The command line for dead letters, across the databases of several services."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta
from io import StringIO
from pathlib import Path
from uuid import UUID, uuid4

import pytest
from sqlalchemy import text

from operations.dead_letters import DONE, NOT_ALL, OUT_OF_REACH, WRONG_USAGE, main
from tests.support.builders.dead_letters import DIED, a_letter, a_poisonous_request, keep_letters
from tests.support.databases import Databases, ServiceDatabase

Run = Callable[..., tuple[int, str]]


@pytest.fixture
def orders(service_database: Databases) -> ServiceDatabase:
    return service_database("orders")


@pytest.fixture
def run(service_database: Databases) -> Run:
    """Run the command line against orders and licensing; ``answer`` is what the person says when asked."""
    environment = {f"{one.upper()}_DATABASE_URL": service_database(one).url for one in ("orders", "licensing")}

    def run(*arguments: str, answer: bool = False, **more: str) -> tuple[int, str]:
        out = StringIO()
        code = main(arguments, environment={**environment, **more}, out=out, ask=lambda _: answer)
        return code, out.getvalue()

    return run


def statuses(database: ServiceDatabase) -> list[str]:
    with database.engine.connect() as connection:
        return sorted(connection.scalars(text("SELECT status FROM dead_letters")))


def test_letters_of_all_services_are_listed_with_their_kinds(
    run: Run, orders: ServiceDatabase, service_database: Databases
) -> None:
    assert run("list") == (DONE, "no dead letters\n")
    keep_letters(orders.open_work, a_letter(), a_letter(died_at=DIED - timedelta(days=2)), a_poisonous_request())
    (theirs,) = keep_letters(
        service_database("licensing").open_work, a_letter(queue="licensing.events.heard", reason="not_json")
    )

    code, out = run("list")

    kinds, _, letters = out.partition("\n\n")
    assert code == DONE
    assert [line.split()[:4] for line in kinds.splitlines()[1:]] == [
        ["orders", "2", "given_up", "orders.order_paid.v1"],
        ["orders", "1", "not_json", "orders.place_order"],
        ["licensing", "1", "not_json", "orders.order_paid.v1"],
    ]
    assert kinds.splitlines()[2].endswith(" no")
    assert len(letters.splitlines()) == 1 + 4
    assert str(theirs) in letters
    assert len(run("list", "orders", "--reason", "given_up")[1].partition("\n\n")[2].splitlines()) == 1 + 2
    told = json.loads(run("list", "--json", "--limit", "1")[1])
    assert [len(page["items"]) for page in told["services"].values()] == [1, 1]
    token = told["services"]["orders"]["next_page_token"]
    assert f"--page '{token}'" in run("list", "--limit", "1")[1]
    second = json.loads(run("list", "orders", "--json", "--page", token)[1])
    assert len(second["services"]["orders"]["items"]) == 2


def test_one_letter_is_shown_with_everything_that_is_known(run: Run, orders: ServiceDatabase) -> None:
    letter, request = keep_letters(orders.open_work, a_letter(ESC="\x1b[2J"), a_poisonous_request())

    code, out = run("show", "orders", str(letter))

    assert code == DONE
    assert [
        words for words in ("given_up", "pools.grant", '"order_id": "', "cloudEvents_type", "died") if words not in out
    ] == []
    assert "\x1b" not in out
    assert "cannot be replayed" in run("show", "orders", str(request))[1]
    assert json.loads(run("show", "orders", str(letter), "--json")[1])["attempts"] == 5
    assert run("show", "orders", str(uuid4()))[0] == NOT_ALL


def test_one_letter_is_replayed_without_asking_and_under_the_users_name(
    run: Run, orders: ServiceDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("getpass.getuser", lambda: "vanya")
    (letter,) = keep_letters(orders.open_work, a_letter())

    assert run("replay", "orders", str(letter))[0] == DONE
    assert run("replay", "orders", str(letter))[0] == NOT_ALL, "it is in line already"

    assert statuses(orders) == ["replaying"]
    with orders.engine.connect() as connection:
        deeds = connection.execute(text("SELECT deed, done_by FROM dead_letter_deeds ORDER BY id")).all()
    assert [deed for deed, _ in deeds] == ["died", "replay"]
    assert deeds[1].done_by.startswith("vanya@")


def test_many_are_only_dealt_with_when_a_person_agrees(run: Run, orders: ServiceDatabase) -> None:
    letters = keep_letters(orders.open_work, *(a_letter() for _ in range(3)))

    assert run("replay", "orders", "--reason", "given_up")[0] == WRONG_USAGE
    assert run("discard", "orders", *map(str, letters), "--note", "no")[0] == WRONG_USAGE
    assert statuses(orders) == ["waiting"] * 3
    assert run("replay", "all", "--reason", "given_up", answer=True)[0] == DONE
    assert statuses(orders) == ["replaying"] * 3


def test_what_cannot_be_replayed_is_left_and_can_be_discarded(run: Run, orders: ServiceDatabase) -> None:
    keep_letters(orders.open_work, a_letter())
    (request,) = keep_letters(orders.open_work, a_poisonous_request())

    code, out = run("replay", "orders", "--all", "--yes")
    assert (code, "1 left" in out) == (NOT_ALL, True)
    code, out = run("replay", "orders", str(request))
    assert (code, out) == (NOT_ALL, "This letter can only be discarded.\n")
    assert run("discard", "orders", "--all", "--yes", "--note", "mended", "--json") == (
        DONE,
        '{\n  "count": 1,\n  "left": 0\n}\n',
    )
    assert statuses(orders) == ["discarded", "replaying"]


def test_nothing_is_dealt_with_by_mistake(run: Run, orders: ServiceDatabase) -> None:
    keep_letters(orders.open_work, a_letter())

    assert run("discard", "orders", "--note", "x", "--yes")[0] == WRONG_USAGE
    assert run("discard", "orders", "--all", "--yes", "--note", " ")[0] == NOT_ALL
    with pytest.raises(SystemExit):
        run("discard", "orders", "--all", "--yes")
    assert run("replay", "mfa", "--all", "--yes")[0] == WRONG_USAGE, "its database is not given"
    assert statuses(orders) == ["waiting"]


def test_a_database_out_of_reach_is_told_and_the_others_are_listed(run: Run, orders: ServiceDatabase) -> None:
    keep_letters(orders.open_work, a_letter())
    nowhere = "postgresql://nobody@127.0.0.1:9/none"

    code, out = run("list", MFA_DATABASE_URL=nowhere)

    assert (code, "given_up" in out, "mfa: its database cannot be reached" in out) == (OUT_OF_REACH, True, True)
    assert run("show", "mfa", str(UUID(int=1)), MFA_DATABASE_URL=nowhere)[0] == OUT_OF_REACH


def test_a_stack_that_does_not_run_is_told(run: Run, tmp_path: Path) -> None:
    code, out = run("--stack", str(tmp_path), "list")
    assert (code, "make run" in out) == (WRONG_USAGE, True)


def test_without_a_terminal_nothing_is_confirmed(
    orders: ServiceDatabase, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    keep_letters(orders.open_work, a_letter(), a_letter())
    monkeypatch.setattr("sys.stdin", StringIO("y\n"))

    assert main(["replay", "orders", "--all"], environment={"ORDERS_DATABASE_URL": orders.url}) == WRONG_USAGE
    assert "--yes" in capsys.readouterr().err
