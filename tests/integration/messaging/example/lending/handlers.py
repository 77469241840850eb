"""The example's deeds."""

import os
import threading
import time
from pathlib import Path

from sqlalchemy import text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm.exc import StaleDataError

from libs.contracts.errors import Conflict, NotFound
from libs.messaging.work import Work

from .contracts import AddBook, BookAdded, BookLent, BookView, LendBook, Misbehave
from .model import Book, Tally

heard_added = threading.Event()
DEADLY, HOPELESS = "The Necronomicon", "Being and Nothingness"
"""Books that kill a process that hears of them, and that nobody can handle."""


def view(book: Book) -> BookView:
    return BookView(id=book.id, title=book.title, times_lent=book.times_lent)


def add_book(work: Work, command: AddBook) -> BookView:
    book = Book.add(command.title)
    work.session.add(book)
    return view(book)


def lend_book(work: Work, command: LendBook) -> BookView:
    book = work.session.get(Book, command.book_id)
    if book is None:
        raise NotFound
    book.lend()
    return view(book)


def misbehave(work: Work, command: Misbehave) -> None:
    work.session.add(Book.add("never to be seen"))
    if command.how == "refuse":
        raise Conflict("not_today", params={"weekday": "Monday"})
    if command.how == "stale":
        raise StaleDataError
    if command.how == "block":
        _hold_everybody_up(3.0)
    if command.how == "exit":
        os._exit(9)
    raise RuntimeError("Ivan Petrov, 8001014509")


def _hold_everybody_up(seconds: float) -> None:
    """Compute without a pause, so that under eventlet nobody else gets a turn."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        pass


def stand_still(work: Work) -> bool:
    """Do not come back while the file is there that the environment names."""
    path = Path(os.environ.get("STAND_STILL", "/nowhere"))
    until = time.monotonic() + 60
    while path.exists() and time.monotonic() < until:
        time.sleep(0.1)
    return False


def tally(work: Work, event: BookLent) -> None:
    statement = insert(Tally).values(book_id=event.book_id, heard=1)
    work.session.execute(
        statement.on_conflict_do_update(index_elements=[Tally.book_id], set_={"heard": Tally.heard + 1})
    )


def notice(work: Work, event: BookAdded) -> None:
    if event.title == DEADLY:
        os._exit(9)
    if event.title == HOPELESS:
        raise RuntimeError("always")
    work.session.execute(text("SELECT 1"))
    heard_added.set()
