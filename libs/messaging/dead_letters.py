"""Dead letters: what a service has given up on, kept in its database for a person to look at, replay or discard.

``keeper.py`` brings them in from the broker, ``replaying.py`` sends them back; here is what may be asked and done.
Whoever does something is named: an account, or the user of an operator's machine.
"""

import base64
from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, RowMapping, func, insert, select, tuple_, update

from libs.chassis.ids import new_id
from libs.contracts.dead_letters import (
    DeadLetterDeed,
    DeadLetterKind,
    DeadLetters,
    DeadLettersDealtWith,
    DeadLetterView,
    DiscardDeadLetters,
    GetDeadLetter,
    ListDeadLetters,
    ReplayDeadLetters,
)
from libs.contracts.errors import Conflict, Invalid, NotFound
from libs.messaging.tables import dead_letter_deeds, dead_letters
from libs.messaging.work import Work

WAITING, REPLAYING, REPLAYED, DISCARDED = "waiting", "replaying", "replayed", "discarded"

JOB = "replay dead letters"
"""The worker's job that sends back what is to be replayed."""

REASONS = ("given_up", "process_died", "delivery_limit", "not_json", "invalid_data", "unknown_type")
"""The most common reasons; there are others."""

MOST_OF_A_KIND = 10_000
"""How many letters one command takes; asked again, it takes the next ones."""
SHOWN_HEADERS = 100
SHOWN_LENGTH = 2_000
HISTORY = 200

_LISTED = [column for column in dead_letters.c if column.name not in ("body", "properties", "headers")]

WAITING_BY_REASON = (
    select(dead_letters.c.reason, func.count()).where(dead_letters.c.status == WAITING).group_by(dead_letters.c.reason)
)
OLDEST_SECONDS = select(
    func.coalesce(func.extract("epoch", func.now() - func.min(dead_letters.c.first_died_at)), 0)
).where(dead_letters.c.status == WAITING)


def list_letters(work: Work, query: ListDeadLetters) -> DeadLetters:
    """A page of letters, those that died last first, and the kinds of all that wait."""
    found = select(*_LISTED).where(*_matching(query.status, query.reason, query.type))
    if query.page_token:
        place = tuple_(dead_letters.c.last_died_at, dead_letters.c.id)
        found = found.where(place < tuple_(*_position(query.page_token)))
    found = found.order_by(dead_letters.c.last_died_at.desc(), dead_letters.c.id.desc()).limit(query.page_size + 1)
    rows = work.session.execute(found).mappings().all()
    items = [_view(row) for row in rows[: query.page_size]]
    kinds = waiting_kinds(work)
    return DeadLetters(
        items=items,
        kinds=kinds,
        waiting=sum(kind.count for kind in kinds),
        next_page_token=_token(items[-1]) if len(rows) > query.page_size else None,
    )


def waiting_kinds(work: Work) -> list[DeadLetterKind]:
    """Every kind of which letters are waiting, the oldest first."""
    letters = dead_letters.c
    oldest = func.min(letters.first_died_at)
    found = (
        select(letters.reason, letters.type, func.count(), func.bool_or(letters.replayable), oldest)
        .where(letters.status == WAITING)
        .group_by(letters.reason, letters.type)
        .order_by(oldest, letters.reason, letters.type)
    )
    return [
        DeadLetterKind(reason=reason, type=event_type, count=count, replayable=replayable, oldest_at=since)
        for reason, event_type, count, replayable, since in work.session.execute(found)
    ]


def show(work: Work, query: GetDeadLetter) -> DeadLetterView:
    """One letter with its body, its headers and its history."""
    letters, deeds = dead_letters.c, dead_letter_deeds.c
    row = work.session.execute(select(dead_letters).where(letters.id == query.letter_id)).mappings().one_or_none()
    if row is None:
        raise NotFound
    history = (
        select(deeds.deed, deeds.done_by, deeds.done_at, deeds.note)
        .where(deeds.letter_id == query.letter_id)
        .order_by(deeds.done_at.desc(), deeds.id.desc())
        .limit(HISTORY)
    )
    body, form = _readable(row["body"])
    return _view(
        row,
        body=body,
        body_form=form,
        properties=_texts(row["properties"]),
        headers=_texts(row["headers"]),
        history=[DeadLetterDeed(**deed) for deed in work.session.execute(history).mappings()],
    )


def replay(work: Work, command: ReplayDeadLetters, *, done_by: str) -> DeadLettersDealtWith:
    """Put waiting letters in line to be given back to their handlers; the worker sends them.

    A single letter that can never be replayed is a :class:`Conflict`; among several such letters are left out.
    """
    chosen = _chosen(command.letter_ids, command.reason, command.type, command.all_waiting)
    if len(command.letter_ids) == 1:
        _require_replayable(work, command.letter_ids[0])
    count = _settle(work, [*chosen, dead_letters.c.replayable], REPLAYING, "replay", done_by, command.note)
    if count:
        work.wake(JOB)
    return DeadLettersDealtWith(count=count, left=_left(work, command.letter_ids, chosen, count))


def discard(work: Work, command: DiscardDeadLetters, *, done_by: str) -> DeadLettersDealtWith:
    """Give waiting letters up for good; the note says why."""
    if not command.note.strip():
        raise Invalid.field("note", "required")
    chosen = _chosen(command.letter_ids, command.reason, command.type, command.all_waiting)
    if len(command.letter_ids) == 1:
        _existing(work, command.letter_ids[0])
    count = _settle(work, chosen, DISCARDED, "discard", done_by, command.note)
    return DeadLettersDealtWith(count=count, left=_left(work, command.letter_ids, chosen, count))


def _settle(work: Work, chosen: Sequence[ColumnElement[bool]], status: str, deed: str, done_by: str, note: str) -> int:
    letters = dead_letters.c
    taken = (
        select(letters.id)
        .where(letters.status == WAITING, *chosen)
        .order_by(letters.first_died_at, letters.id)
        .limit(MOST_OF_A_KIND)
        .with_for_update()
    )
    ids = work.session.scalars(taken).all()
    if not ids:
        return 0
    changed = update(dead_letters).where(letters.id.in_(ids))
    work.session.execute(changed.values(status=status, note=note.strip(), changed_at=work.now()))
    write_deeds(work, ids, deed, done_by=done_by, note=note.strip())
    return len(ids)


def write_deeds(work: Work, letter_ids: Sequence[UUID], deed: str, *, done_by: str, note: str) -> None:
    """Write into the history of letters what was done with them, and by whom."""
    now = work.now()
    work.session.execute(
        insert(dead_letter_deeds),
        [
            {"id": new_id(), "letter_id": one, "deed": deed, "done_by": done_by, "done_at": now, "note": note}
            for one in letter_ids
        ],
    )


def _left(work: Work, ids: Sequence[UUID], chosen: Sequence[ColumnElement[bool]], count: int) -> int:
    if ids:
        return len(set(ids)) - count
    waiting = select(func.count()).select_from(dead_letters).where(dead_letters.c.status == WAITING, *chosen)
    return work.session.scalar(waiting) or 0


def _chosen(ids: Sequence[UUID], reason: str, event_type: str, all_waiting: bool) -> list[ColumnElement[bool]]:
    if ids:
        return [dead_letters.c.id.in_(ids)]
    if not (reason or event_type or all_waiting):
        raise Invalid.field("letter_ids", "required")
    return _matching("", reason, event_type)


def _matching(status: str, reason: str, event_type: str) -> list[ColumnElement[bool]]:
    wanted = {"status": status, "reason": reason, "type": event_type}
    return [dead_letters.c[name] == value for name, value in wanted.items() if value]


def _require_replayable(work: Work, letter_id: UUID) -> None:
    if not _existing(work, letter_id)["replayable"]:
        raise Conflict("cannot_be_replayed", "This letter can only be discarded.")


def _existing(work: Work, letter_id: UUID) -> RowMapping:
    found = select(dead_letters.c.replayable).where(dead_letters.c.id == letter_id)
    row = work.session.execute(found).mappings().one_or_none()
    if row is None:
        raise NotFound
    return row


def _view(row: RowMapping, **more: Any) -> DeadLetterView:
    not_shown = {"event_id", "changed_at", "body", "properties", "headers"}
    return DeadLetterView(**{name: value for name, value in row.items() if name not in not_shown}, **more)


def _readable(body: bytes | None) -> tuple[str | None, str]:
    if body is None:
        return None, "none"
    try:
        text = bytes(body).decode()
    except UnicodeDecodeError:
        return base64.b64encode(body).decode(), "base64"
    return (base64.b64encode(body).decode(), "base64") if "\x00" in text else (text, "text")


def _texts(values: dict[str, Any]) -> dict[str, str]:
    """Headers as short texts; they may be of any type and length."""
    return {name[:200]: _text(value)[:SHOWN_LENGTH] for name, value in list(values.items())[:SHOWN_HEADERS]}


def _text(value: Any) -> str:
    return value if isinstance(value, str) else str(value)


def _token(letter: DeadLetterView) -> str:
    return f"{letter.last_died_at.isoformat()}~{letter.id}"


def _position(page_token: str) -> tuple[datetime, UUID]:
    died_at, _, letter_id = page_token.partition("~")
    try:
        place = datetime.fromisoformat(died_at), UUID(letter_id)
    except ValueError:
        raise Invalid.field("page_token", "not_valid") from None
    if place[0].tzinfo is None:
        raise Invalid.field("page_token", "not_valid")
    return place
