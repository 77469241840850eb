"""Bank statements as files: the same transfers as camt.053 of several versions, or as MT940 in several banks' ways."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from xml.sax.saxutils import escape

OUR_IBAN = "BG80BNBG96611020345678"
PAYER_IBAN = "BG18RZBB91550123456789"
DAY = date(2026, 11, 20)


@dataclass(frozen=True, kw_only=True)
class Transfer:
    """A transfer as its payer made it."""

    amount: str | Decimal = "57.60"
    texts: Sequence[str] = ()
    structured: str = ""
    bank_reference: str = ""
    end_to_end_id: str = ""
    payer: str = "Примерен брокер ООД"
    payer_iban: str = PAYER_IBAN
    outgoing: bool = False
    reversal: bool = False
    currency: str = "EUR"
    day: date = DAY


def camt(
    transfers: Iterable[Transfer],
    *,
    version: str = "08",
    iban: str = OUR_IBAN,
    currency: str = "EUR",
    statement_id: str = "S-1",
) -> bytes:
    """A camt.053 file of version 02, 04 or 08."""
    entries = "".join(_entry(transfer, version) for transfer in transfers)
    return (
        f'<?xml version="1.0" encoding="UTF-8"?>\n'
        f'<Document xmlns="urn:iso:std:iso:20022:tech:xsd:camt.053.001.{version}"><BkToCstmrStmt>'
        f"<GrpHdr><MsgId>M-1</MsgId><CreDtTm>2026-11-20T18:00:00.123456789+02:00</CreDtTm></GrpHdr>"
        f"<Stmt><Id>{statement_id}</Id><CreDtTm>2026-11-20T18:00:00+02:00</CreDtTm>"
        f"<Acct><Id><IBAN>{iban}</IBAN></Id><Ccy>{currency}</Ccy></Acct>\n"
        f"{entries}</Stmt></BkToCstmrStmt></Document>"
    ).encode()


def _entry(transfer: Transfer, version: str) -> str:
    mark = "DBIT" if transfer.outgoing else "CRDT"
    status = "BOOK" if version == "02" else "<Cd>BOOK</Cd>" if version == "08" else "BOOK"
    name = f"<Nm>{escape(transfer.payer)}</Nm>"
    party = f"<Pty>{name}</Pty>" if version == "08" else name
    reference = f"<AcctSvcrRef>{transfer.bank_reference}</AcctSvcrRef>" if transfer.bank_reference else ""
    end_to_end = escape(transfer.end_to_end_id or "NOTPROVIDED")
    texts = "".join(f"<Ustrd>{escape(text)}</Ustrd>" for text in transfer.texts)
    structured = (
        f"<Strd><CdtrRefInf><Tp><CdOrPrtry><Cd>SCOR</Cd></CdOrPrtry></Tp><Ref>{transfer.structured}</Ref>"
        f"</CdtrRefInf></Strd>"
        if transfer.structured
        else ""
    )
    account = f"<DbtrAcct><Id><IBAN>{transfer.payer_iban}</IBAN></Id></DbtrAcct>" if transfer.payer_iban else ""
    return (
        f'<Ntry><Amt Ccy="{transfer.currency}">{transfer.amount}</Amt><CdtDbtInd>{mark}</CdtDbtInd>'
        f"{'<RvslInd>true</RvslInd>' if transfer.reversal else ''}<Sts>{status}</Sts>"
        f"<BookgDt><Dt>{transfer.day}</Dt></BookgDt><ValDt><Dt>{transfer.day}</Dt></ValDt>{reference}"
        f"<NtryDtls><TxDtls><Refs><EndToEndId>{end_to_end}</EndToEndId></Refs>"
        f"<RltdPties><Dbtr>{party}</Dbtr>{account}</RltdPties>"
        f"<RmtInf>{texts}{structured}</RmtInf></TxDtls></NtryDtls></Ntry>\n"
    )


def mt940(
    transfers: Iterable[Transfer],
    *,
    delimiter: str = "+",
    code: str = "000",
    encoding: str = "cp1251",
    iban: str = OUR_IBAN,
    currency: str = "EUR",
    closed: bool = True,
) -> bytes:
    """An MT940 file; `delimiter` and `code` are what differs from bank to bank, an empty delimiter is free text."""
    lines = [":20:STARTUMS", f":25:{iban}", ":28C:00215/1", f":60F:C{DAY:%y%m%d}{currency}1000,00"]
    for transfer in transfers:
        lines += _movement(transfer, delimiter, code)
    if closed:
        lines += [f":62F:C{DAY:%y%m%d}{currency}2000,00", f":64:C{DAY:%y%m%d}{currency}2000,00"]
        lines += [":86:Statement of the day, nothing of the last transfer", "-"]
    return "\r\n".join([*lines, ""]).encode(encoding)


def _movement(transfer: Transfer, delimiter: str, code: str) -> list[str]:
    mark = {(False, False): "C", (True, False): "D", (False, True): "RD", (True, True): "RC"}[
        (transfer.outgoing, transfer.reversal)
    ]
    amount = str(transfer.amount).replace(".", ",")
    bank = f"//{transfer.bank_reference}" if transfer.bank_reference else ""
    head = f":61:{transfer.day:%y%m%d}{transfer.day:%m%d}{mark}{amount}NTRF{transfer.end_to_end_id or 'NONREF'}{bank}"
    if not delimiter:
        return [head, *_wrapped(f":86:{' '.join(transfer.texts)}")]
    purpose = "".join(transfer.texts)
    pieces = [purpose[start : start + 27] for start in range(0, len(purpose), 27)]
    fields = ["00ПОЛУЧЕН ПРЕВОД", *(f"{20 + index}{piece}" for index, piece in enumerate(pieces))]
    fields += ["30RZBBBGSF", f"31{transfer.payer_iban}", f"32{transfer.payer[:27]}", f"33{transfer.payer[27:54]}"]
    return [head, *_wrapped(f":86:{code}" + "".join(f"{delimiter}{field}" for field in fields))]


def _wrapped(text: str, width: int = 65) -> list[str]:
    return [text[start : start + width] for start in range(0, len(text), width)]
