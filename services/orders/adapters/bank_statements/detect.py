"""Chooses the reader by what a file holds, never by what it is called."""

from __future__ import annotations

import codecs
import io
import re
from collections.abc import Iterator
from typing import BinaryIO

from services.orders.adapters.bank_statements import camt, mt940
from services.orders.adapters.bank_statements.entry import Entry, LimitedReader, OwnAccounts, Reason, StatementFault

MAX_BYTES = 50_000_000
_HEAD = 65_536
_BOMS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_PROLOG_END = re.compile(r"<[A-Za-z_]")


def read_statement(stream: BinaryIO, own: OwnAccounts, *, max_bytes: int = MAX_BYTES) -> Iterator[Entry]:
    """Yield the entries of a statement file of any supported format, in order.

    Raises `StatementFault`, possibly after entries were yielded: keep none of them before the end is reached.
    """
    if stream.seekable():
        _refuse_large(stream, max_bytes)
    head = _read_head(stream)
    limited = LimitedReader(stream, max_bytes, head)
    text = _peek(head)
    if text.startswith("<"):
        _refuse_declarations(text)
        yield from camt.read(limited, own)
    elif mt940.looks_like(text):
        yield from mt940.read(limited, own)
    else:
        raise StatementFault(Reason.NOT_A_STATEMENT, detail="neither XML nor MT940")


def _refuse_large(stream: BinaryIO, max_bytes: int) -> None:
    start = stream.tell()
    size = stream.seek(0, io.SEEK_END) - start
    stream.seek(start)
    if size > max_bytes:
        raise StatementFault(Reason.TOO_LARGE, detail=f"more than {max_bytes // 1_000_000} MB")


def _read_head(stream: BinaryIO) -> bytes:
    head = b""
    while len(head) < _HEAD and (chunk := stream.read(_HEAD - len(head))):
        head += chunk
    return head


def _peek(head: bytes) -> str:
    for mark, encoding in _BOMS:
        if head.startswith(mark):
            return head[len(mark) :].decode(encoding, errors="replace").lstrip()
    if head[:4] in {b"<\0?\0", b"<\0D\0"}:
        return head.decode("utf-16-le", errors="replace")
    if head[:4] in {b"\0<\0?", b"\0<\0D"}:
        return head.decode("utf-16-be", errors="replace")
    return head.decode("latin-1").lstrip()


def _refuse_declarations(text: str) -> None:
    """Refuse a document type declaration before the parser reads it: a statement never needs one."""
    prolog = re.sub(r"<!--.*?(-->|\Z)", "", text, flags=re.DOTALL)
    first = _PROLOG_END.search(prolog)
    prolog = prolog[: first.start()] if first else prolog
    if re.search(r"<!DOCTYPE\s+html", prolog, re.IGNORECASE):
        raise StatementFault(Reason.NOT_A_STATEMENT, detail="HTML")
    if "<!DOCTYPE" in prolog or "<!ENTITY" in prolog:
        raise StatementFault(Reason.FORBIDDEN_ENTITY, line=1, detail="DOCTYPE")
