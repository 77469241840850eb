"""The letters received, and how the server behaves towards senders."""

from __future__ import annotations

import threading
from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email import policy
from email.message import EmailMessage
from email.parser import BytesParser
from typing import Any

CAPACITY = 5_000


@dataclass(frozen=True, kw_only=True)
class Attachment:
    """A file that came with a letter."""

    filename: str
    content_type: str
    content: bytes = field(repr=False)


@dataclass(frozen=True, kw_only=True)
class Letter:
    """One letter as it arrived."""

    number: int
    received_at: datetime
    sender: str
    recipients: tuple[str, ...]
    subject: str
    language: str
    headers: tuple[tuple[str, str], ...]
    text: str
    html: str
    attachments: tuple[Attachment, ...]
    raw: bytes = field(repr=False)

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready fields without the files' bytes."""
        return {
            "number": self.number,
            "received_at": self.received_at.isoformat(),
            "from": self.sender,
            "to": list(self.recipients),
            "subject": self.subject,
            "language": self.language,
            "headers": dict(self.headers),
            "text": self.text,
            "html": self.html,
            "attachments": [
                {"filename": file.filename, "content_type": file.content_type, "size": len(file.content)}
                for file in self.attachments
            ],
        }


@dataclass(kw_only=True)
class Behaviour:
    """How the server treats senders; the defaults accept everything at once."""

    refused_recipients: tuple[str, ...] = ()  # 550 at RCPT
    temporary_failures: int = 0  # so many letters are put off with 451 at the end of DATA
    slow_seconds: float = 0.0  # waits so long before the end of DATA is answered
    drop_after_data: bool = False  # keeps the letter but closes the line instead of answering


class Inbox:
    """Keeps letters in memory, newest last; safe for several threads."""

    def __init__(self) -> None:
        self._letters: list[Letter] = []
        self._count = 0
        self._ids: Counter[str] = Counter()
        self._changed = threading.Condition()
        self.behaviour = Behaviour()

    def receive(self, raw: bytes, sender: str, recipients: list[str]) -> Letter:
        """Parses and keeps a letter."""
        message = BytesParser(policy=policy.default).parsebytes(raw)
        with self._changed:
            self._count += 1
            letter = _read(message, raw, self._count, sender, tuple(recipients))
            self._letters.append(letter)
            self._ids[str(message.get("Message-ID", "")).strip()] += 1
            del self._letters[:-CAPACITY]
            self._changed.notify_all()
        return letter

    def letters(self, to: str = "", subject: str = "") -> list[Letter]:
        """Letters to a recipient (whole address, any case) whose subject contains a text, newest first."""
        with self._changed:
            found = [letter for letter in self._letters if _fits(letter, to, subject)]
        return found[::-1]

    def wait_for(self, to: str, subject: str, count: int, seconds: float) -> list[Letter]:
        """The same, but waits until there are `count` of them or the time is over."""
        with self._changed:
            self._changed.wait_for(lambda: sum(_fits(item, to, subject) for item in self._letters) >= count, seconds)
        return self.letters(to, subject)

    def letter(self, number: int) -> Letter | None:
        """The letter with this number."""
        return next((letter for letter in self.letters() if letter.number == number), None)

    def recipients(self) -> list[tuple[str, int]]:
        """Every address that got a letter, with how many."""
        return sorted(Counter(to for letter in self.letters() for to in letter.recipients).items())

    def message_ids(self) -> dict[str, int]:
        """Every Message-ID that ever came, with how often: also of letters that were thrown away since."""
        with self._changed:
            return dict(self._ids)

    def empty(self, to: str = "") -> None:
        """Throws letters away: all, or those to one recipient."""
        with self._changed:
            self._letters = [letter for letter in self._letters if to and not _fits(letter, to, "")]

    def put_off_next(self) -> bool:
        """Whether this letter's turn is to be put off; counts down."""
        with self._changed:
            if self.behaviour.temporary_failures > 0:
                self.behaviour.temporary_failures -= 1
                return True
        return False


def _fits(letter: Letter, to: str, subject: str) -> bool:
    addressed = not to or to.casefold() in (item.casefold() for item in letter.recipients)
    return addressed and subject.casefold() in letter.subject.casefold()


def _read(message: EmailMessage, raw: bytes, number: int, sender: str, recipients: tuple[str, ...]) -> Letter:
    text, html = message.get_body(("plain",)), message.get_body(("html",))
    return Letter(
        number=number,
        received_at=datetime.now(UTC),
        sender=sender,
        recipients=recipients,
        subject=str(message.get("Subject", "")),
        language=next((str(part["Content-Language"]) for part in message.walk() if part["Content-Language"]), ""),
        headers=tuple((key, str(value)) for key, value in message.items()),
        text=str(text.get_content()) if text is not None else "",
        html=str(html.get_content()) if html is not None else "",
        attachments=tuple(_files(message)),
        raw=raw,
    )


def _files(message: EmailMessage) -> list[Attachment]:
    return [
        Attachment(
            filename=part.get_filename() or f"part-{index}",
            content_type=part.get_content_type(),
            content=part.get_payload(decode=True) or b"",  # type: ignore[arg-type]  # bytes when decoded
        )
        for index, part in enumerate(message.iter_attachments(), start=1)
    ]
