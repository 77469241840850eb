"""Idempotent commands: the answer is kept under the command's id, in the transaction of its effect."""

import hashlib
import json
from collections.abc import Callable
from typing import Any

from sqlalchemy import bindparam, select, update
from sqlalchemy.dialects.postgresql import insert

from libs.contracts.errors import Conflict
from libs.messaging.tables import commands
from libs.messaging.work import Work

# built once: SQLAlchemy takes longer to put a statement together than the database to carry it out
_THIS = (commands.c.account_id == bindparam("by")) & (commands.c.command_id == bindparam("under"))
_CLAIM = insert(commands).on_conflict_do_nothing().returning(commands.c.command_id)
_FIRST = select(commands.c.name, commands.c.request_digest, commands.c.answer).where(_THIS)
_KEEP = update(commands).where(_THIS).values(answer=bindparam("given", type_=commands.c.answer.type))


def digest_of(request: Any) -> str:
    """SHA-256 of a request's canonical JSON."""
    canonical = json.dumps(request, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    return hashlib.sha256(canonical.encode()).hexdigest()


def once(work: Work, *, command_id: str, name: str, request: Any, run: Callable[[], Any]) -> Any:
    """Run a command, or give the answer it was given before.

    A second request with the same id waits for the first. The same id for another deed or another body is a
    :class:`Conflict` ``idempotency_key_reused``; the same id of another account is another command.
    """
    account_id = str(work.principal.account_id) if work.principal else ""
    digest = digest_of(request)
    connection = work.session.connection()
    key = {"by": account_id, "under": command_id}
    row = {"account_id": account_id, "command_id": command_id, "name": name, "request_digest": digest}
    if connection.execute(_CLAIM, {**row, "created_at": work.now()}).first() is None:
        first = connection.execute(_FIRST, key).mappings().one()
        if first["name"] != name or first["request_digest"] != digest:
            raise Conflict("idempotency_key_reused", "This key was used for another request.")
        return first["answer"]
    answer = run()
    work.session.flush()
    connection.execute(_KEEP, {**key, "given": answer})
    return answer
