"""Numbers of documents that follow one another without a gap."""

from sqlalchemy import BigInteger
from sqlalchemy.orm import Mapped, mapped_column

from services.orders.model.base import Base

INVOICES = "invoices"
_LAST = 9_999_999_999


class DocumentSeries(Base):
    """A series and its next number; its row is locked by the transaction that issues the document.

    A rollback gives the number back, so that the next document takes it: no gap (чл. 78, ал. 2 ППЗДДС).
    """

    __tablename__ = "document_series"

    code: Mapped[str] = mapped_column(primary_key=True)
    next_number: Mapped[int] = mapped_column(BigInteger)

    def take(self) -> str:
        """Give the next ten-digit number; after 9999999999 the law begins again at 0000000001."""
        number = self.next_number
        self.next_number = 1 if number >= _LAST else number + 1
        return f"{number:010d}"
