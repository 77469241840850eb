"""Dead letters of all services at the command line: look at them, give them back, give them up.

    python -m operations.dead_letters list
    python -m operations.dead_letters show orders 0f0c…
    python -m operations.dead_letters replay orders --reason given_up
    python -m operations.dead_letters discard notifications 0f0c… --note "the mail was sent by hand"

The databases are those of ``<SERVICE>_DATABASE_URL``, or of a local run: ``--stack .local``. What is done is written
down under the name of the machine's user. Exit codes: 0 done; 1 not all of it could be done, or nothing was found;
2 wrong usage, or not confirmed; 3 a database could not be reached.
"""

from __future__ import annotations

import argparse
import getpass
import json
import os
import socket
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TextIO
from uuid import UUID

from sqlalchemy.exc import SQLAlchemyError

from libs.chassis.database import create_engine, session_factory
from libs.contracts.base import dump
from libs.contracts.dead_letters import (
    LETTER_STATES,
    DeadLetters,
    DeadLettersDealtWith,
    DeadLetterView,
    DiscardDeadLetters,
    GetDeadLetter,
    ListDeadLetters,
    ReplayDeadLetters,
)
from libs.contracts.errors import NotFound, ServiceError
from libs.messaging import dead_letters
from libs.messaging.work import Work, work_factory
from operations.installation import SERVICES, own_databases
from operations.installation import NotFound as NoInstallation

DONE, NOT_ALL, WRONG_USAGE, OUT_OF_REACH = 0, 1, 2, 3
ALL = "all"
MOST_ROUNDS = 1_000


@dataclass(kw_only=True)
class Desk:
    """What a command works with: the databases, and where it reads and writes."""

    databases: Mapping[str, str]
    arguments: argparse.Namespace
    out: TextIO
    ask: Callable[[str], bool]
    user: str

    @contextmanager
    def work(self, service: str) -> Iterator[Work]:
        """A unit of work in the database of one service."""
        engine = create_engine(self.databases[service], pool_size=1, application_name="dead-letters")
        try:
            with work_factory(session_factory(engine))() as work:
                yield work
        finally:
            engine.dispose()

    def services(self) -> list[str]:
        """The services that are meant; raises :class:`NoInstallation` where one is not at hand."""
        wanted = self.arguments.service
        if wanted and wanted != ALL and wanted not in self.databases:
            raise NoInstallation(f"Set {wanted.upper()}_DATABASE_URL, or name a local run with --stack.")
        return [wanted] if wanted and wanted != ALL else list(self.databases)

    def say(self, *lines: str) -> None:
        """Write lines."""
        self.out.write("".join(f"{line}\n" for line in lines))

    def say_json(self, content: Any) -> None:
        """Write JSON."""
        self.say(json.dumps(content, ensure_ascii=False, indent=2))


def list_all(desk: Desk) -> int:
    """Print the letters of the services, and what waits by kind."""
    arguments = desk.arguments
    query = ListDeadLetters(
        status="" if arguments.status == ALL else arguments.status,
        reason=arguments.reason,
        type=arguments.type,
        page_size=arguments.limit,
        page_token=arguments.page,
    )
    found: dict[str, DeadLetters] = {}
    away: list[str] = []
    for service in desk.services():
        try:
            with desk.work(service) as work:
                found[service] = dead_letters.list_letters(work, query)
        except SQLAlchemyError:
            away.append(service)
    if arguments.json:
        desk.say_json({"services": {service: dump(page) for service, page in found.items()}, "out_of_reach": away})
    else:
        _print_lists(desk, found)
        desk.say(*(f"{service}: its database cannot be reached" for service in away))
    return OUT_OF_REACH if away else DONE


def _print_lists(desk: Desk, found: Mapping[str, DeadLetters]) -> None:
    now = datetime.now(UTC)
    kinds = [
        (service, str(kind.count), kind.reason, kind.type, _age(now, kind.oldest_at), "" if kind.replayable else "no")
        for service, page in found.items()
        for kind in page.kinds
    ]
    if kinds:
        desk.say(*_table(("service", "waiting", "reason", "type", "oldest", "replay"), kinds), "")
    letters = [
        (service, str(letter.id), letter.status, letter.reason, letter.type, str(letter.attempts),
         _age(now, letter.first_died_at), _age(now, letter.last_died_at))
        for service, page in found.items()
        for letter in page.items
    ]  # fmt: skip
    heads = ("service", "id", "state", "reason", "type", "attempts", "first died", "last died")
    desk.say(*_table(heads, letters)) if letters else desk.say("no dead letters")
    for service, page in found.items():
        if page.next_page_token:
            desk.say("", f"{service} has more: list {service} --page '{page.next_page_token}'")


def show(desk: Desk) -> int:
    """Print one letter with its body, its headers and its history."""
    with desk.work(desk.services()[0]) as work:
        letter = dead_letters.show(work, GetDeadLetter(letter_id=desk.arguments.id))
    if desk.arguments.json:
        desk.say_json(dump(letter))
        return DONE
    names = ("id", "status", "queue", "type", "subject", "reason", "error", "handler", "attempts", "size", "sha256")
    desk.say(*(f"{name:<12}{getattr(letter, name)}" for name in names))
    desk.say(
        f"{'first died':<12}{letter.first_died_at.isoformat()}", f"{'last died':<12}{letter.last_died_at.isoformat()}"
    )
    if not letter.replayable:
        desk.say("", "It cannot be replayed, only discarded.")
    for title, values in (("properties", letter.properties), ("headers", letter.headers)):
        desk.say("", f"{title}:", *(f"  {name}: {_one_line(value)}" for name, value in values.items()))
    desk.say("", f"body ({letter.body_form}):", _pretty(letter))
    desk.say("", "history:")
    for deed in letter.history:
        desk.say(f"  {deed.done_at.isoformat()}  {deed.deed:<8} {deed.done_by:<20} {_one_line(deed.note)}".rstrip())
    return DONE


def replay(desk: Desk) -> int:
    """Give letters back to their handlers."""

    def deed(work: Work, chosen: dict[str, Any]) -> DeadLettersDealtWith:
        return dead_letters.replay(work, ReplayDeadLetters(**chosen), done_by=desk.user)

    return _deal(desk, "replay", deed)


def discard(desk: Desk) -> int:
    """Give letters up for good."""

    def deed(work: Work, chosen: dict[str, Any]) -> DeadLettersDealtWith:
        return dead_letters.discard(work, DiscardDeadLetters(**chosen), done_by=desk.user)

    return _deal(desk, "discard", deed)


def _deal(desk: Desk, name: str, deed: Callable[[Work, dict[str, Any]], DeadLettersDealtWith]) -> int:
    arguments = desk.arguments
    chosen = {
        "letter_ids": arguments.id,
        "reason": arguments.reason,
        "type": arguments.type,
        "all_waiting": arguments.all,
        "note": arguments.note,
    }
    if not (arguments.id or arguments.reason or arguments.type or arguments.all):
        desk.say("Say which letters: ids, --reason, --type, or --all.")
        return WRONG_USAGE
    services = desk.services()
    if not arguments.yes and (len(services) > 1 or len(arguments.id) != 1):
        counts = {service: _count(desk, service) for service in services}
        told = ", ".join(f"{count} of {service}" for service, count in counts.items() if count) or "none"
        if any(counts.values()) and not desk.ask(f"{name} dead letters ({told})?"):
            return WRONG_USAGE
    count = left = 0
    for service in services:
        for _ in range(MOST_ROUNDS):
            with desk.work(service) as work:
                done = deed(work, chosen)
            count += done.count
            if done.count < dead_letters.MOST_OF_A_KIND:
                left += done.left
                break
    if arguments.json:
        desk.say_json({"count": count, "left": left})
    else:
        will = "will be sent back by their workers" if name == "replay" else "discarded"
        rest = f"; {left} left as they are (dealt with already, or not to be replayed)" if left else ""
        desk.say(f"{count} {will}{rest}")
    return DONE if count and not left else NOT_ALL


def _count(desk: Desk, service: str) -> int:
    arguments = desk.arguments
    if arguments.id:
        return len(arguments.id)
    with desk.work(service) as work:
        kinds = dead_letters.waiting_kinds(work)
    wanted = {"reason": arguments.reason, "type": arguments.type}
    return sum(k.count for k in kinds if all(getattr(k, name) == value for name, value in wanted.items() if value))


def _age(now: datetime, since: datetime) -> str:
    seconds = max(0, int((now - since).total_seconds()))
    for unit, length in (("d", 86_400), ("h", 3_600), ("min", 60)):
        if seconds >= 2 * length:
            return f"{seconds // length} {unit}"
    return f"{seconds} s"


def _table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    cells = [heads, *([_one_line(cell) for cell in row] for row in rows)]
    widths = [max(len(row[column]) for row in cells) for column in range(len(heads))]
    return ["  ".join(f"{cell:<{width}}" for cell, width in zip(row, widths, strict=True)).rstrip() for row in cells]


def _one_line(text: str) -> str:
    """A text that cannot move the terminal's cursor, whoever wrote it."""
    return "".join(character if character.isprintable() else "\ufffd" for character in text)


def _pretty(letter: DeadLetterView) -> str:
    if letter.body is None:
        return "  not kept: a request may hold what is secret"
    if letter.body_form == "text":
        try:
            return json.dumps(json.loads(letter.body), ensure_ascii=False, indent=2)
        except (ValueError, RecursionError):
            return "\n".join(_one_line(line) for line in letter.body.splitlines())
    return letter.body


def _on_terminal(question: str) -> bool:
    if not sys.stdin.isatty():
        sys.stderr.write(f"{question} Not confirmed: say --yes.\n")
        return False
    sys.stderr.write(f"{question} [y/N] ")
    sys.stderr.flush()
    return sys.stdin.readline().strip().lower() in ("y", "yes")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m operations.dead_letters", description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--stack", type=Path, help="the folder of a local run, such as .local")
    parser.set_defaults(json=False)
    form = argparse.ArgumentParser(add_help=False)
    form.add_argument("--json", action="store_true", default=argparse.SUPPRESS, help="for programs")
    commands = parser.add_subparsers(required=True, metavar="list|show|replay|discard")
    one_of = [*SERVICES, ALL]
    some = commands.add_parser("list", parents=[form], help=list_all.__doc__)
    some.add_argument("service", nargs="?", choices=one_of, default=ALL, metavar="service")
    some.add_argument("--status", choices=[*LETTER_STATES, ALL], default="waiting")
    some.add_argument("--limit", type=int, default=50, choices=range(1, 201), metavar="1..200")
    some.add_argument("--page", help="where the page before ended")
    some.set_defaults(run=list_all)
    one = commands.add_parser("show", parents=[form], help=show.__doc__)
    one.add_argument("service", choices=SERVICES, metavar="service")
    one.add_argument("id", type=UUID)
    one.set_defaults(run=show)
    for name, run in (("replay", replay), ("discard", discard)):
        deed = commands.add_parser(name, parents=[form], help=run.__doc__)
        deed.add_argument("service", choices=one_of, metavar="service")
        deed.add_argument("id", type=UUID, nargs="*")
        deed.add_argument("--all", action="store_true", help="every letter that waits")
        deed.add_argument("--note", required=run is discard, default="", help="why")
        deed.add_argument("--yes", action="store_true", help="do not ask")
        deed.set_defaults(run=run)
        some_of(deed)
    some_of(some)
    return parser


def some_of(parser: argparse.ArgumentParser) -> None:
    """Let letters be chosen by their kind."""
    parser.add_argument("--reason", default="", help="only those that died of this")
    parser.add_argument("--type", default="", help="only those of this event type or method")


def main(
    argv: Sequence[str] | None = None,
    *,
    environment: Mapping[str, str] = os.environ,
    out: TextIO | None = None,
    ask: Callable[[str], bool] = _on_terminal,
) -> int:
    """Do what the arguments say; the exit code."""
    arguments = _parser().parse_args(argv)
    desk = Desk(
        databases={},
        arguments=arguments,
        out=out or sys.stdout,
        ask=ask,
        user=f"{getpass.getuser()}@{socket.gethostname()}",
    )
    try:
        desk.databases = _databases(arguments.stack, environment)
        return int(arguments.run(desk))
    except NoInstallation as error:
        desk.say(str(error))
        return WRONG_USAGE
    except NotFound:
        desk.say("There is no such letter.")
        return NOT_ALL
    except ServiceError as error:
        faults = ", ".join(f"{fault.field} {fault.code}" for fault in error.faults)
        desk.say(f"{error.message} {faults}".rstrip())
        return NOT_ALL
    except SQLAlchemyError as error:
        desk.say(f"The database cannot be reached: {type(error).__name__}.")
        return OUT_OF_REACH


def _databases(stack: Path | None, environment: Mapping[str, str]) -> dict[str, str]:
    if stack is not None:
        return own_databases(stack)
    given = {service: environment.get(f"{service.upper()}_DATABASE_URL", "") for service in SERVICES}
    found = {service: url for service, url in given.items() if url}
    if not found:
        raise NoInstallation("Set <SERVICE>_DATABASE_URL, or name a local run with --stack.")
    return found


if __name__ == "__main__":
    sys.exit(main())
