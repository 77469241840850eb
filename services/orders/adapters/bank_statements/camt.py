"""Reader of camt.053 of any version: matches by local name, keeps one booking in memory at a time."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from datetime import date
from decimal import Decimal
from typing import Any

from lxml import etree

from services.orders.adapters.bank_statements.entry import (
    Entry,
    LimitedReader,
    OwnAccounts,
    Reason,
    StatementFault,
    compact_account,
    exact_cents,
)

STATEMENT = "BkToCstmrStmt"
# Only these elements are handed to Python; the rest of the tree is walked inside the entry that holds it.
_WATCHED = ("{*}Stmt", "{*}Acct", "{*}Ntry", f"{{*}}{STATEMENT}")
_AMOUNT = re.compile(r"\d{1,11}(\.\d{1,5})?")
_NO_REFERENCE = frozenset({"", "NOTPROVIDED", "NOT PROVIDED", "NONREF", "NONE"})
_TAIL = 64
_HEAD = 2_000
# The parser holds one booking at a time; one larger than this would no longer be a bound on memory.
_LARGEST_BOOKING = 16_000_000

Node = Any  # lxml's element; its stubs do not know iteration by type
Parts = dict[str, Any]


def read(stream: LimitedReader, own: OwnAccounts) -> Iterator[Entry]:
    """Yield the booked entries of a camt.053 file in their order.

    Raises `StatementFault`. Document type declarations are refused before the parser meets an entity of theirs in the
    body; nothing is ever fetched.
    """
    source = _Source(stream)
    parsing = etree.iterparse(
        source,
        events=("start", "end"),
        tag=_WATCHED,
        load_dtd=False,
        no_network=True,
        resolve_entities=False,
        huge_tree=False,
        remove_comments=True,
        remove_pis=True,
    )
    reader = _Reader(own)
    try:
        for event, node in parsing:
            source.since = 0
            if event == "end":
                yield from reader.end(node)
            else:
                reader.begin(node)
    except etree.XMLSyntaxError as error:
        raise _fault_of(error, source) from None
    if not reader.seen_statement:
        root = "" if parsing.root is None else _local(parsing.root.tag)
        raise StatementFault(Reason.NOT_A_STATEMENT, detail=root)


class _Source:
    """Passes the stream on, and remembers its ends: by them a cut file is told from a broken one."""

    def __init__(self, stream: LimitedReader) -> None:
        self._stream = stream
        self.first = b""
        self.last = b""
        self.since = 0

    def read(self, size: int = -1, /) -> bytes:
        chunk = self._stream.read(size)
        self.since += len(chunk)
        if self.since > _LARGEST_BOOKING:
            raise StatementFault(Reason.MALFORMED, detail="one booking is too large")
        self.first = self.first or chunk[:_HEAD]
        self.last = (self.last + chunk[-_TAIL:])[-_TAIL:]
        return chunk


class _Reader:
    """Follows the open statement and turns each closed `Ntry` into entries."""

    def __init__(self, own: OwnAccounts) -> None:
        self._own = own
        self.seen_statement = False
        self._position = 0
        self._place = 0
        self._number = ""
        self._account = ""
        self._currency: str | None = None
        """The currency that was found right for this account."""

    def begin(self, node: Node) -> None:
        """An element opens."""
        name = _local(node.tag)
        if name == STATEMENT:
            self._begin_document(node)
        elif name == "Stmt":
            self._number, self._account, self._place, self._currency = "", "", 0, None

    def end(self, node: Node) -> Sequence[Entry]:
        """An element is whole; the entries of a booking."""
        name = _local(node.tag)
        if name == "Ntry":
            entries = self._entries(node)
            _forget(node)
            return entries
        if name == "Acct":
            self._enter_account(node)
        elif name == "Stmt":
            if not self._account:
                raise StatementFault(Reason.MALFORMED, line=node.sourceline, detail="Stmt without Acct")
            _forget(node)
        return ()

    def _begin_document(self, node: Node) -> None:
        info = node.getroottree().docinfo
        if info.doctype or info.internalDTD is not None:
            raise StatementFault(Reason.FORBIDDEN_ENTITY, line=1, detail="DOCTYPE")
        self.seen_statement = True

    def _enter_account(self, node: Node) -> None:
        parent = node.getparent()
        if parent is None or _local(parent.tag) != "Stmt":
            return
        number = _text(parent, "Id")
        self._number = number or ""
        identity = _child(node, "Id")
        account = _text(identity, "IBAN") or _text(_child(identity, "Othr"), "Id")
        if not account:
            raise StatementFault(Reason.MALFORMED, line=node.sourceline, detail="Acct without a number")
        self._account, self._currency = compact_account(account) or "", None
        self._own.check_account(self._account, _text(node, "Ccy"), line=node.sourceline)

    def _entries(self, node: Node) -> Sequence[Entry]:
        if not self._account:
            if self.seen_statement:
                raise StatementFault(Reason.MALFORMED, line=node.sourceline, detail="Ntry before Acct")
            return ()
        parts = _parts(node)
        if not _is_booked(parts.get("Sts")):
            return ()
        amount, currency = _money(parts.get("Amt"), node)
        if currency != self._currency:
            self._own.check_currency(self._account, currency, line=node.sourceline)
            self._currency = currency
        mark = _value(parts, "CdtDbtInd")
        if mark not in {"CRDT", "DBIT"}:
            raise StatementFault(Reason.MALFORMED, line=node.sourceline, detail="CdtDbtInd")
        common = {
            "account": self._account,
            "statement_number": self._number,
            "currency": currency,
            "credit": mark == "CRDT",
            "reversal": _value(parts, "RvslInd") in {"true", "1"},
            "booked_on": _day(parts.get("BookgDt")),
            "valued_on": _day(parts.get("ValDt")),
        }
        reference = _reference(_value(parts, "AcctSvcrRef"))
        note = _value(parts, "AddtlNtryInf")
        groups = _with_namesakes(parts.get("NtryDtls"))
        details = [_parts(tx) for group in groups for tx in group if _local(tx.tag) == "TxDtls"]
        if len(details) > 1 and (amounts := _detail_amounts(details, amount, currency)) is not None:
            entries = []
            for index, (detail, part) in enumerate(zip(details, amounts, strict=True), start=1):
                own = _reference(_text(detail.get("Refs"), "AcctSvcrRef"))
                # A reference of the whole booking, or one repeated on every detail, does not tell the details apart.
                shared = f"{reference or own}#{index}" if reference or own else None
                bank_reference = shared if own in {None, reference} else own
                entries.append(self._entry(detail, note, amount=part, bank_reference=bank_reference, **common))
            return entries
        detail = details[0] if len(details) == 1 else {}
        known = reference or _reference(_text(detail.get("Refs"), "AcctSvcrRef"))
        collective = len(details) > 1 or (not details and _batch_size(groups) > 1)
        return (self._entry(detail, note, amount=amount, bank_reference=known, collective=collective, **common),)

    def _entry(self, detail: Parts, note: str | None, **known: Any) -> Entry:
        self._position += 1
        self._place += 1
        parties = _parts(detail.get("RltdPties"))
        texts: list[str] = []
        structured = None
        for item in detail.get("RmtInf", ()):
            name = _local(item.tag)
            if name == "Ustrd" and (text := _own_text(item)):
                texts.append(text)
            elif name == "Strd":
                structured = structured or _text(_child(item, "CdtrRefInf"), "Ref")
                texts += [text for extra in _children(item, "AddtlRmtInf") if (text := _own_text(extra))]
        texts += [text for text in (_value(detail, "AddtlTxInf"), note) if text and text not in texts]
        return Entry(
            position=self._position,
            place=self._place,
            end_to_end_id=_reference(_text(detail.get("Refs"), "EndToEndId")),
            structured_reference=structured,
            payer_name=_party_name(parties.get("Dbtr")),
            payer_iban=_account_of(parties.get("DbtrAcct")),
            remittance=tuple(texts),
            **known,
        )


def _detail_amounts(details: list[Parts], amount: Decimal, currency: str) -> list[Decimal] | None:
    """Give the details' amounts if they make up the booking in its own currency, else nothing."""
    found = []
    for detail in details:
        part = _amount_in(detail.get("Amt"), currency)
        if part is None:
            part = _amount_in(_child(_child(detail.get("AmtDtls"), "TxAmt"), "Amt"), currency)
        if part is None:
            return None
        found.append(part)
    return found if sum(found) == amount else None


def _amount_in(node: Node | None, currency: str) -> Decimal | None:
    text = _own_text(node) if node is not None else None
    if node is None or text is None or node.get("Ccy") != currency or not _AMOUNT.fullmatch(text):
        return None
    return exact_cents(text)


def _money(node: Node | None, entry: Node) -> tuple[Decimal, str]:
    text = _own_text(node) if node is not None else None
    amount = exact_cents(text) if text is not None and _AMOUNT.fullmatch(text) else None
    if node is None or amount is None:
        raise StatementFault(Reason.MALFORMED, line=entry.sourceline, detail="Amt")
    return amount, (node.get("Ccy") or "")


def _is_booked(status: Node | None) -> bool:
    if status is None:
        return True
    return (_text(status, "Cd") or _own_text(status) or "BOOK") == "BOOK"


def _batch_size(groups: list[Node]) -> int:
    sizes = (_text(_child(group, "Btch"), "NbOfTxs") for group in groups)
    return sum(int(size) for size in sizes if size and size.isascii() and size.isdigit())


def _account_of(holder: Node | None) -> str | None:
    identity = _child(holder, "Id")
    return compact_account(_text(identity, "IBAN") or _text(_child(identity, "Othr"), "Id"))


def _party_name(party: Node | None) -> str | None:
    return _text(party, "Nm") or _text(_child(party, "Pty"), "Nm")


def _day(node: Node | None) -> date | None:
    """Read `Dt` or the day of `DtTm`, whose fractions of a second differ from bank to bank."""
    text = _text(node, "Dt") or _text(node, "DtTm")
    if node is None or not text:
        return None
    try:
        return date.fromisoformat(text[:10])
    except ValueError:
        raise StatementFault(Reason.MALFORMED, line=node.sourceline, detail=text[:30]) from None


def _reference(text: str | None) -> str | None:
    return None if text is None or text.upper() in _NO_REFERENCE else text


_LOCAL_NAMES: dict[str, str] = {}


def _local(tag: Any) -> str:
    name = _LOCAL_NAMES.get(tag)
    if name is None:
        name = str(tag).rpartition("}")[2]
        # Names of a hostile file are not worth remembering.
        if len(_LOCAL_NAMES) < 1_000:
            _LOCAL_NAMES[tag] = name
    return name


def _parts(node: Node | None) -> Parts:
    """Give an element's children by local name, the first of each name, in one walk."""
    found: Parts = {}
    if node is not None:
        for child in node:
            tag = child.tag
            name = _LOCAL_NAMES.get(tag) or _local(tag)
            if name not in found:
                found[name] = child
    return found


def _value(parts: Parts, name: str) -> str | None:
    child = parts.get(name)
    return None if child is None else _own_text(child)


def _child(node: Node | None, name: str) -> Node | None:
    if node is not None:
        for child in node:
            tag = child.tag
            if (_LOCAL_NAMES.get(tag) or _local(tag)) == name:
                return child
    return None


def _children(node: Node | None, name: str) -> Iterator[Node]:
    if node is not None:
        for child in node:
            if _local(child.tag) == name:
                yield child


def _with_namesakes(node: Node | None) -> list[Node]:
    """Give an element and those of its name after it."""
    found = []
    name = None if node is None else _local(node.tag)
    while node is not None:
        if _local(node.tag) == name:
            found.append(node)
        node = node.getnext()
    return found


def _own_text(node: Node) -> str | None:
    text = node.text
    if text is None:
        return None
    return text.strip() or None


def _text(node: Node | None, name: str) -> str | None:
    if node is not None:
        for child in node:
            tag = child.tag
            if (_LOCAL_NAMES.get(tag) or _local(tag)) == name:
                return _own_text(child)
    return None


def _forget(node: Node) -> None:
    """Drop a finished element and everything before it, so that memory does not grow with the file."""
    node.clear(keep_tail=False)
    parent = node.getparent()
    if parent is None:
        return
    while (before := node.getprevious()) is not None:
        parent.remove(before)


def _fault_of(error: etree.XMLSyntaxError, source: _Source) -> StatementFault:
    message = str(error.msg)
    line = error.lineno or None
    if "entit" in message.lower() and "amplification" in message.lower():
        return StatementFault(Reason.FORBIDDEN_ENTITY, line=line, detail="entity")
    # Sixteen-bit text has a zero byte beside each letter of these names.
    first, last = source.first.replace(b"\0", b""), source.last.replace(b"\0", b"")
    if b"camt.053" not in first and STATEMENT.encode() not in first:
        return StatementFault(Reason.NOT_A_STATEMENT, line=line, detail="XML")
    if not re.search(rb"Document\s*>\s*\Z", last):
        return StatementFault(Reason.TRUNCATED, line=line)
    return StatementFault(Reason.MALFORMED, line=line, detail=message[:120])
