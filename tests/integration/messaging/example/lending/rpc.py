"""What callers may ask of the example."""

from sqlalchemy import text

from libs.contracts.errors import NotFound
from libs.messaging.rpc import ServiceRpc, command, query
from libs.messaging.work import Work

from . import handlers
from .contracts import AddBook, BookView, GetBook, LendBook, Misbehave, Pause
from .model import Book


class LendingRpc(ServiceRpc):
    """The example service."""

    name = "lending"

    @command(public=True)
    def add_book(self, work: Work, request: AddBook) -> BookView:
        return handlers.add_book(work, request)

    @command
    def lend_book(self, work: Work, request: LendBook) -> BookView:
        return handlers.lend_book(work, request)

    @command(public=True, remember=False)
    def misbehave(self, work: Work, request: Misbehave) -> None:
        handlers.misbehave(work, request)

    @query(public=True)
    def get_book(self, work: Work, request: GetBook) -> BookView:
        book = work.session.get(Book, request.book_id)
        if book is None:
            raise NotFound
        return handlers.view(book)

    @query(public=True)
    def pause(self, work: Work, request: Pause) -> None:
        work.session.execute(text("SELECT pg_sleep(:seconds)"), {"seconds": request.seconds})

    @query(public=True)
    def write_in_a_query(self, work: Work, request: AddBook) -> BookView:
        return handlers.add_book(work, request)

    @query
    def who_am_i(self, work: Work, request: Pause) -> BookView:
        return BookView(id=work.caller.account_id, title=work.correlation_id, times_lent=0)
