"""Inbox: the receipt for an event is written in the transaction that holds its effect."""

from uuid import UUID

from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from libs.messaging.tables import inbox


def receive(session: Session, message_id: UUID, handler: str) -> bool:
    """Write the receipt; false where the handler has dealt with this message before.

    Where another process deals with it at this moment, wait for it: it may still fail.
    """
    statement = insert(inbox).values(message_id=message_id, handler=handler).on_conflict_do_nothing()
    return session.connection().execute(statement.returning(inbox.c.message_id)).first() is not None
