"""Reader of MT940: splits the tags itself, because sub-fields of `:86:` differ from bank to bank."""

from __future__ import annotations

import codecs
import io
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import date, timedelta

from services.orders.adapters.bank_statements.entry import (
    Entry,
    LimitedReader,
    OwnAccounts,
    Reason,
    StatementFault,
    clean_iban,
    compact_account,
    exact_cents,
)

_TAG = re.compile(r":(\d{2}[A-Z]?):(.*)", re.DOTALL)
_LINE = re.compile(
    r"""
    (?P<value>\d{6})(?P<booked>\d{4})?
    (?P<mark>R?[CD])(?P<funds>[A-Z])?
    (?P<amount>\d{1,11}[.,]\d{0,5})
    (?P<type>[A-Z][A-Z0-9]{3})?
    (?P<customer>.*?)
    (?://(?P<bank>.*))?
    """,
    re.VERBOSE,
)
_BALANCE = re.compile(r"[CD](?P<day>\d{6})(?P<currency>[A-Z]{3})(?P<amount>\d{1,15}[.,]\d{0,5})")
_NO_REFERENCE = frozenset({"", "NONREF", "NOTPROVIDED"})
_PURPOSE = tuple(str(code) for code in (*range(20, 30), *range(60, 64)))
_SUBFIELDS = frozenset({"00", "10", "30", "31", "32", "33", "34", *_PURPOSE})
_STRUCTURED_START = re.compile(r"(?:\d{3})?([?+^])\d{2}")
_SEPA_TAG = re.compile(r"(?<![A-Z])(EREF|KREF|MREF|CRED|DEBT|SVWZ|ABWA|ABWE|IBAN|BIC)\+")
_FULL = 27
_LONGEST_TAG = 200
# How far apart booking and value date may lie before the year of the booking is taken to be the neighbour's.
_HALF_YEAR = timedelta(days=183)


def looks_like(text: str) -> bool:
    """Tell whether a text begins as an MT940 file does: a block header or a `:20:` tag near the top."""
    top = text.lstrip("\x01\x00\ufeff \r\n\t")[:2_000]
    return re.search(r"(?:\A|\n|\{4:\s*)\s*:20:", top) is not None and "\x00" not in top


def read(stream: LimitedReader, own: OwnAccounts) -> Iterator[Entry]:
    """Yield the entries of an MT940 file in their order; raises `StatementFault`."""
    data = bytearray()
    for chunk in stream.chunks():
        data += chunk
    reader = _Reader(own)
    for tag in _tags(_text_of(data)):
        yield from reader.take(tag)
    yield from reader.finish()


@dataclass(slots=True)
class _Tag:
    name: str
    lines: list[str]
    line: int


@dataclass(slots=True)
class _Movement:
    tag: _Tag
    place: int
    details: list[str] = field(default_factory=list)


class _Reader:
    """Follows the open statement; a movement is finished by the tag that follows its `:86:`."""

    def __init__(self, own: OwnAccounts) -> None:
        self._own = own
        self._position = 0
        self._statements = 0
        self._open = False
        self._closed = True
        self._last_line = 1
        self._begin(0)

    def _begin(self, line: int) -> None:
        self._account = ""
        self._number = ""
        self._currency = ""
        self._opened_on = ""
        self._place = 0
        self._movement: _Movement | None = None
        self._last_line = line

    def take(self, tag: _Tag) -> Iterator[Entry]:
        self._last_line = tag.line
        if tag.name == "86" and self._movement is not None:
            self._movement.details = tag.lines
            yield from self._flush()
            return
        if tag.name not in {"86", "61"} or self._movement is not None:
            yield from self._flush()
        match tag.name:
            case "20":
                self._require_closed(tag.line)
                self._begin(tag.line)
                self._open, self._closed = True, False
            case "25":
                self._account = account_number(tag.lines[0])
            case "28" | "28C":
                self._number = "".join(tag.lines).strip()
            case "60F" | "60M":
                self._open_balance(tag)
            case "61":
                self._require_open(tag)
                self._place += 1
                self._movement = _Movement(tag, self._place)
            case "62F" | "62M":
                self._closed = True
                self._statements += 1
            case _:
                # `:64:`, `:65:`, a statement-level `:86:` and a bank's own tags carry no movement.
                return

    def finish(self) -> Iterator[Entry]:
        try:
            yield from self._flush()
        except StatementFault:
            # The last line of a cut file is broken because it is cut.
            self._require_closed(self._last_line)
            raise
        self._require_closed(self._last_line)
        if not self._statements:
            raise StatementFault(Reason.NOT_A_STATEMENT, detail="MT940 without a statement")

    def _require_closed(self, line: int) -> None:
        if not self._closed:
            raise StatementFault(Reason.TRUNCATED, line=line, detail="no closing balance")

    def _require_open(self, tag: _Tag) -> None:
        if not self._open or self._closed or not self._account or not self._currency:
            raise StatementFault(Reason.MALFORMED, line=tag.line, detail=":61: outside a statement")

    def _open_balance(self, tag: _Tag) -> None:
        balance = _BALANCE.fullmatch(tag.lines[0].strip())
        if balance is None:
            raise StatementFault(Reason.MALFORMED, line=tag.line, detail=f":{tag.name}:")
        if not self._account:
            raise StatementFault(Reason.MALFORMED, line=tag.line, detail="no account in :25:")
        self._currency = balance["currency"]
        self._opened_on = balance["day"]
        self._own.check_account(self._account, self._currency, line=tag.line)

    def _flush(self) -> Iterator[Entry]:
        movement, self._movement = self._movement, None
        if movement is None:
            return
        tag = movement.tag
        found = _LINE.fullmatch(tag.lines[0].strip())
        amount = exact_cents(found["amount"]) if found else None
        if found is None or amount is None:
            raise StatementFault(Reason.MALFORMED, line=tag.line, detail=":61:")
        valued_on = _day(found["value"], tag.line)
        details = parse_details(movement.details)
        supplementary = tuple(text for text in (line.strip() for line in tag.lines[1:]) if text)
        customer = _reference(found["customer"])
        self._position += 1
        yield Entry(
            position=self._position,
            place=movement.place,
            account=self._account,
            # The number starts again each year; with the opening day it does not.
            statement_number=f"{self._number}@{self._opened_on}",
            amount=amount,
            currency=self._currency,
            credit=found["mark"] in {"C", "RD"},
            reversal=found["mark"].startswith("R"),
            booked_on=_booked_on(found["booked"], valued_on, tag.line),
            valued_on=valued_on,
            bank_reference=_reference(found["bank"]),
            end_to_end_id=details.end_to_end_id,
            payer_name=details.name,
            payer_iban=details.iban,
            remittance=(*details.purpose, *supplementary, *((customer,) if customer else ())),
        )


@dataclass(frozen=True, slots=True)
class Details:
    """What a `:86:` says about the payer and the purpose."""

    purpose: tuple[str, ...] = ()
    name: str | None = None
    iban: str | None = None
    end_to_end_id: str | None = None


def parse_details(lines: list[str]) -> Details:
    """Read a `:86:`: numbered sub-fields with whatever delimiter the bank uses, else free text line by line."""
    joined = "".join(lines)
    start = _STRUCTURED_START.match(joined)
    fields = _subfields(joined, start[1]) if start else []
    if not fields:
        return Details(purpose=tuple(text for text in (line.strip() for line in lines) if text))
    parts: dict[str, list[str]] = {}
    for code, value in fields:
        parts.setdefault(code, []).append(value)
    pieces = [(code, value) for code, value in fields if code in _PURPOSE]
    # Banks send them out of order; the number, not the place, says what follows what.
    purpose = [value for _, value in sorted(pieces, key=lambda piece: piece[0])]
    name = " ".join(value.strip() for code in ("32", "33") for value in parts.get(code, ())).strip(" /")
    return Details(
        purpose=tuple(text for text in (piece.strip() for piece in purpose) if text),
        name=name or None,
        iban=compact_account("".join(parts.get("31", ()))),
        # A sub-field that is not full ends what it says; a full one goes on in the next.
        end_to_end_id=_end_to_end("".join(piece if len(piece) >= _FULL else f"{piece}\n" for piece in purpose)),
    )


def _subfields(text: str, delimiter: str) -> list[tuple[str, str]]:
    pieces = re.split(rf"{re.escape(delimiter)}(\d{{2}})", text)
    fields: list[tuple[str, str]] = []
    for code, value in zip(pieces[1::2], pieces[2::2], strict=True):
        if code in _SUBFIELDS:
            fields.append((code, value))
        elif fields:
            # Not a sub-field number, so the delimiter belongs to the text, as in a telephone number.
            last, before = fields[-1]
            fields[-1] = (last, f"{before}{delimiter}{code}{value}")
    return fields


def _end_to_end(purpose: str) -> str | None:
    pieces = _SEPA_TAG.split(purpose)
    for tag, value in zip(pieces[1::2], pieces[2::2], strict=True):
        if tag == "EREF":
            return _reference(value.partition("\n")[0])
    return None


def _reference(text: str | None) -> str | None:
    text = (text or "").strip()
    return None if text.upper() in _NO_REFERENCE else text[:140]


def account_number(text: str) -> str:
    """Give the IBAN out of `:25:`, which may carry a bank code before it and a currency after it."""
    compact = "".join(text.split()).upper()
    for candidate in (compact, compact[:-3], compact.rpartition("/")[2], compact.rpartition("/")[2][:-3]):
        if iban := clean_iban(candidate):
            return iban
    return compact


def _day(text: str, line: int) -> date:
    try:
        return date(2000 + int(text[:2]), int(text[2:4]), int(text[4:]))
    except ValueError:
        raise StatementFault(Reason.MALFORMED, line=line, detail=f"day {text}") from None


def _booked_on(text: str | None, valued_on: date, line: int) -> date:
    """Give the booking day, whose year is not written: the one nearest to the value date."""
    if not text:
        return valued_on
    month, day = int(text[:2]), int(text[2:])
    candidates = []
    for year in (valued_on.year - 1, valued_on.year, valued_on.year + 1):
        try:
            candidates.append(date(year, month, day))
        except ValueError:
            continue
    near = [candidate for candidate in candidates if abs(candidate - valued_on) <= _HALF_YEAR]
    if not near:
        raise StatementFault(Reason.MALFORMED, line=line, detail=f"day {text}")
    return min(near, key=lambda candidate: abs(candidate - valued_on))


def _text_of(data: bytearray) -> io.TextIOWrapper:
    """Open the bytes as text: UTF-8 if they are that to the last byte, else Windows-1251."""
    decoder = codecs.getincrementaldecoder("utf-8")()
    encoding = "utf-8-sig"
    view = memoryview(data)
    try:
        for start in range(0, len(view), 1 << 20):
            decoder.decode(view[start : start + (1 << 20)])
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        encoding = "cp1251"
    return io.TextIOWrapper(io.BytesIO(data), encoding=encoding, errors="replace")


def _tags(lines: Iterable[str]) -> Iterator[_Tag]:
    """Split into tags with their continuation lines; block headers and end marks of SWIFT envelopes are passed over."""
    current: _Tag | None = None
    for number, raw in enumerate(lines, start=1):
        line = raw.rstrip("\n").lstrip("\x01\x00\ufeff")
        if "{4:" in line:
            line = line.partition("{4:")[2]
        found = _TAG.match(line)
        if found:
            if current is not None:
                yield current
            current = _Tag(found[1], [found[2]], number)
        elif line.strip(" \x03") in {"-", "-}"} or line.startswith("{"):
            if current is not None:
                yield current
            current = None
        elif current is not None:
            current.lines.append(line)
            if len(current.lines) > _LONGEST_TAG:
                raise StatementFault(Reason.MALFORMED, line=number, detail=f":{current.name}: is too long")
    if current is not None:
        yield current
