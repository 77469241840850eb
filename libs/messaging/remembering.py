"""Idempotent commands: the answer is kept under the command's id, in the transaction of its effect."""

import hashlib
import json
from collections.abc import Callable
from typing import Any

from sqlalchemy import select, update
from sqlalchemy.dialects.postgresql import insert

from libs.contracts.errors import Conflict
from libs.messaging.tables import commands
from libs.messaging.work import Work


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
    key = (commands.c.account_id == account_id) & (commands.c.command_id == command_id)
    row = {"account_id": account_id, "command_id": command_id, "name": name, "request_digest": digest}
    claim = insert(commands).values({**row, "created_at": work.now()}).on_conflict_do_nothing()
    if connection.execute(claim.returning(commands.c.command_id)).first() is None:
        first = connection.execute(select(commands).where(key)).mappings().one()
        if first["name"] != name or first["request_digest"] != digest:
            raise Conflict("idempotency_key_reused", "This key was used for another request.")
        return first["answer"]
    answer = run()
    work.session.flush()
    connection.execute(update(commands).where(key).values(answer=answer))
    return answer
