"""Bank statements as files: one payment, or a hundred thousand."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

HEAD = (
    '<?xml version="1.0" encoding="UTF-8"?>\n'
    '<Document xmlns="urn:iso:std:iso:20022:tech:xsd:camt.053.001.08"><BkToCstmrStmt>'
    "<GrpHdr><MsgId>{name}</MsgId><CreDtTm>{day}T18:00:00+02:00</CreDtTm></GrpHdr>"
    "<Stmt><Id>{name}</Id><CreDtTm>{day}T18:00:00+02:00</CreDtTm>"
    "<Acct><Id><IBAN>{iban}</IBAN></Id><Ccy>EUR</Ccy></Acct>\n"
)
ENTRY = (
    '<Ntry><Amt Ccy="EUR">{amount}</Amt><CdtDbtInd>CRDT</CdtDbtInd><Sts><Cd>BOOK</Cd></Sts>'
    "<BookgDt><Dt>{day}</Dt></BookgDt><ValDt><Dt>{day}</Dt></ValDt><AcctSvcrRef>{bank_reference}</AcctSvcrRef>"
    "<NtryDtls><TxDtls><Refs><EndToEndId>NOTPROVIDED</EndToEndId></Refs>"
    "<RltdPties><Dbtr><Pty><Nm>{payer}</Nm></Pty></Dbtr>"
    "<DbtrAcct><Id><IBAN>{payer_iban}</IBAN></Id></DbtrAcct></RltdPties>"
    "<RmtInf><Ustrd>{text}</Ustrd></RmtInf></TxDtls></NtryDtls></Ntry>\n"
)
TAIL = "</Stmt></BkToCstmrStmt></Document>"
PAYER_IBAN = "BG18RZBB91550123456789"


@dataclass(frozen=True, kw_only=True)
class Payment:
    """A transfer that pays an order."""

    amount: str
    reference: str


def statement_of(payment: Payment, *, iban: str, day: date, name: str) -> bytes:
    """A statement with this payment alone."""
    return "".join(_file([payment], 1, iban=iban, day=day, name=name)).encode()


def write_large(path: Path, payments: Sequence[Payment], entries: int, *, iban: str, day: date) -> None:
    """A statement of many transfers: the payments, spread over it, among others that pay no order."""
    with path.open("w", encoding="utf-8") as file:
        file.writelines(_file(payments, entries, iban=iban, day=day, name="BENCH-LARGE"))


def _file(payments: Sequence[Payment], entries: int, *, iban: str, day: date, name: str) -> Iterator[str]:
    yield HEAD.format(name=name, day=day, iban=iban)
    every = max(1, entries // max(1, len(payments)))
    for number in range(entries):
        turn, rest = divmod(number, every)
        payment = payments[turn] if rest == 0 and turn < len(payments) else None
        yield ENTRY.format(
            amount=payment.amount if payment else f"{1 + number % 900}.{number % 100:02d}",
            day=day,
            bank_reference=f"{name}-{number:07d}",
            payer=f"Payer {number % 5_000}",
            payer_iban=PAYER_IBAN,
            text=payment.reference if payment else f"Invoice {number} of another supplier",
        )
    yield TAIL
