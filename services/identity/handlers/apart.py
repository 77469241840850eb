"""Units of work of their own inside a deed."""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache

from sqlalchemy import Connection, Engine
from sqlalchemy.orm import Session, sessionmaker

from libs.messaging.work import Work, work_factory


@contextmanager
def apart(work: Work) -> Iterator[Work]:
    """A transaction of its own for a step of ``work``.

    Deeds with passwords need it twice over: what a failed try leaves behind must survive the refusal, and no connection
    may be held while a password is hashed. Their own transaction stays untouched, so it takes no connection either.
    """
    with work_factory(_sessions(work.session.get_bind()), work.clock)(
        principal=work.principal, correlation_id=work.correlation_id, causation_id=work.causation_id
    ) as step:
        yield step


@lru_cache(maxsize=4)
def _sessions(bind: Engine | Connection) -> sessionmaker[Session]:
    return sessionmaker(bind, expire_on_commit=False)
