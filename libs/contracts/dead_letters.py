"""What every service answers about its dead letters: messages that were given up on and wait for a person."""

import dataclasses
from datetime import datetime
from uuid import UUID

from libs.contracts.base import between, bounded, contract, one_of

LETTER_STATES = ("waiting", "replaying", "replayed", "discarded")

MOST_AT_ONCE = 200
"""How many letters a request may name one by one."""


@contract
class DeadLetterDeed:
    """What happened to a letter: it died, or somebody did something with it; ``done_by`` is empty for a death."""

    deed: str
    done_by: str
    done_at: datetime
    note: str


@contract
class DeadLetterView:
    """A message that was given up on.

    ``replayable`` is false for requests, whose callers have long gone, for bodies that were too long to be kept, and
    for what turned out to be no message that could be written again (``error`` says so).
    ``body`` is text, or base64 where ``body_form`` says so; with ``none`` nothing was kept. Only ``get_dead_letter``
    tells body, headers and history.
    """

    id: UUID
    queue: str
    type: str
    subject: str
    reason: str
    error: str
    handler: str
    attempts: int
    first_died_at: datetime
    last_died_at: datetime
    status: str
    replayable: bool
    size: int
    sha256: str
    note: str = ""
    message_id: str = ""
    body: str | None = None
    body_form: str = one_of("text", "base64", "none", default="none")
    properties: dict[str, str] = dataclasses.field(default_factory=dict)
    headers: dict[str, str] = dataclasses.field(default_factory=dict)
    history: list[DeadLetterDeed] = dataclasses.field(default_factory=list)


@contract
class DeadLetterKind:
    """Waiting letters that died of the same, counted."""

    reason: str
    type: str
    count: int
    replayable: bool
    oldest_at: datetime


@contract
class ListDeadLetters:
    """Dead letters, those that died last first; an empty ``status`` means all of them."""

    status: str = one_of("", *LETTER_STATES, default="waiting")
    reason: str = bounded(200, default="")
    type: str = bounded(200, default="")
    page_size: int = between(1, 200, default=50)
    page_token: str | None = None


@contract
class DeadLetters:
    """A page of letters, with every kind of which some are waiting."""

    items: list[DeadLetterView]
    kinds: list[DeadLetterKind]
    waiting: int
    next_page_token: str | None = None


@contract
class GetDeadLetter:
    """Asks for one letter with its body, its headers and its history."""

    letter_id: UUID


@contract
class ReplayDeadLetters:
    """Gives letters back to their handlers: those named, or every waiting one of a kind.

    A kind is a reason, a type, or both; ``all_waiting`` is needed where neither is given.
    """

    letter_ids: list[UUID] = bounded(MOST_AT_ONCE, default=[])
    reason: str = bounded(200, default="")
    type: str = bounded(200, default="")
    all_waiting: bool = False
    note: str = bounded(500, default="")


@contract
class DiscardDeadLetters:
    """Gives letters up for good, with a note that says why; chosen as in ``ReplayDeadLetters``."""

    note: str = bounded(500, least=1)
    letter_ids: list[UUID] = bounded(MOST_AT_ONCE, default=[])
    reason: str = bounded(200, default="")
    type: str = bounded(200, default="")
    all_waiting: bool = False


@contract
class DeadLettersDealtWith:
    """How many letters were taken, and how many were left as they are: settled already, or not to be replayed."""

    count: int
    left: int
