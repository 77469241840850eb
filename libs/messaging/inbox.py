"""Inbox: the receipt for an event is written in the transaction that holds its effect."""

from uuid import UUID

from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from libs.messaging.tables import inbox

# built once: SQLAlchemy takes longer to put it together than the database to carry it out
_RECEIPT = insert(inbox).on_conflict_do_nothing().returning(inbox.c.message_id)


def receive(session: Session, message_id: UUID, handler: str) -> bool:
    """Write the receipt; false where the handler has dealt with this message before.

    Where another process deals with it at this moment, wait for it: it may still fail.
    """
    written = session.connection().execute(_RECEIPT, {"message_id": message_id, "handler": handler})
    return written.first() is not None
