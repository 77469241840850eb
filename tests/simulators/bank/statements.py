"""The bank's statement of a day's transfers, in the formats that banks export."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from xml.sax.saxutils import escape

VERSIONS = ("02", "04", "08")
FORMATS = (*(f"camt.053.001.{version}" for version in VERSIONS), "mt940")


@dataclass(frozen=True, kw_only=True)
class Transfer:
    """Money that came in; `bank_reference` is the bank's own number for it."""

    payer: str
    payer_iban: str
    amount: Decimal
    reason: str
    bank_reference: str
    currency: str = "EUR"
    structured: bool = False


@dataclass(frozen=True, kw_only=True)
class Statement:
    """All transfers of one account on one day."""

    number: int
    iban: str
    bic: str
    owner: str
    day: date
    made_at: datetime
    transfers: tuple[Transfer, ...]

    @property
    def total(self) -> Decimal:
        """What came in altogether."""
        return sum((transfer.amount for transfer in self.transfers), Decimal(0))


def render(statement: Statement, form: str) -> tuple[str, bytes]:
    """File name and content; `form` is one of FORMATS."""
    if form == "mt940":
        return f"statement-{statement.number}.sta", mt940(statement).encode("cp1251", errors="replace")
    version = form.rpartition(".")[2]
    return f"statement-{statement.number}-{form}.xml", camt053(statement, version).encode()


def camt053(statement: Statement, version: str) -> str:
    """ISO 20022 camt.053.001.<version>; from version 08 on states and parties are wrapped."""
    wrapped = int(version) >= 8
    entries = "".join(_entry(transfer, statement, wrapped) for transfer in statement.transfers)
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        f'<Document xmlns="urn:iso:std:iso:20022:tech:xsd:camt.053.001.{version}"><BkToCstmrStmt>'
        f"<GrpHdr><MsgId>STMT-{statement.number}</MsgId><CreDtTm>{statement.made_at:%Y-%m-%dT%H:%M:%S}</CreDtTm></GrpHdr>"
        f"<Stmt><Id>{statement.number}</Id><CreDtTm>{statement.made_at:%Y-%m-%dT%H:%M:%S}</CreDtTm>"
        f"<Acct><Id><IBAN>{statement.iban}</IBAN></Id><Ccy>EUR</Ccy><Nm>{escape(statement.owner[:70])}</Nm></Acct>"
        f"{_balance('OPBD', Decimal(0), statement.day)}{_balance('CLBD', statement.total, statement.day)}"
        f"{entries}</Stmt></BkToCstmrStmt></Document>\n"
    )


def _balance(code: str, amount: Decimal, day: date) -> str:
    return (
        f'<Bal><Tp><CdOrPrtry><Cd>{code}</Cd></CdOrPrtry></Tp><Amt Ccy="EUR">{amount:.2f}</Amt>'
        f"<CdtDbtInd>CRDT</CdtDbtInd><Dt><Dt>{day}</Dt></Dt></Bal>"
    )


def _entry(transfer: Transfer, statement: Statement, wrapped: bool) -> str:
    name = f"<Nm>{escape(transfer.payer[:70])}</Nm>"
    debtor = f"<Pty>{name}</Pty>" if wrapped else name
    status = "<Sts><Cd>BOOK</Cd></Sts>" if wrapped else "<Sts>BOOK</Sts>"
    reason = escape(transfer.reason[:140])
    told = (
        f"<Strd><CdtrRefInf><Ref>{reason}</Ref></CdtrRefInf></Strd>"
        if transfer.structured
        else f"<Ustrd>{reason}</Ustrd>"
    )
    return (
        f'<Ntry><Amt Ccy="{transfer.currency}">{transfer.amount:.2f}</Amt><CdtDbtInd>CRDT</CdtDbtInd>{status}'
        f"<BookgDt><Dt>{statement.day}</Dt></BookgDt><ValDt><Dt>{statement.day}</Dt></ValDt>"
        f"<AcctSvcrRef>{transfer.bank_reference}</AcctSvcrRef>"
        "<BkTxCd><Domn><Cd>PMNT</Cd><Fmly><Cd>RCDT</Cd><SubFmlyCd>ESCT</SubFmlyCd></Fmly></Domn></BkTxCd>"
        f"<NtryDtls><TxDtls><Refs><AcctSvcrRef>{transfer.bank_reference}</AcctSvcrRef><EndToEndId>NOTPROVIDED</EndToEndId></Refs>"
        f"<RltdPties><Dbtr>{debtor}</Dbtr><DbtrAcct><Id><IBAN>{transfer.payer_iban}</IBAN></Id></DbtrAcct></RltdPties>"
        f"<RmtInf>{told}</RmtInf></TxDtls></NtryDtls></Ntry>"
    )


def mt940(statement: Statement) -> str:
    """SWIFT MT940 with the `+NN` sub-fields that Bulgarian banks write into `:86:`."""
    day = f"{statement.day:%y%m%d}"
    lines = [
        f":20:{statement.number:016d}",
        f":25:{statement.iban}",
        f":28C:{statement.number}/1",
        f":60F:C{day}EUR0,00",
    ]
    for transfer in statement.transfers:
        amount = f"{transfer.amount:.2f}".replace(".", ",")
        lines.append(f":61:{day}{statement.day:%m%d}C{amount}NTRFNONREF//{transfer.bank_reference}")
        text = transfer.reason[:108]
        parts = [text[at : at + 27] for at in range(0, len(text), 27)]
        fields = [f"+{20 + number}{part}" for number, part in enumerate(parts)]
        lines.append(f":86:+00ПРЕВОД{''.join(fields)}")
        lines.append(f"+31{transfer.payer_iban}+32{transfer.payer[:27]}")
    closing = f"{statement.total:.2f}".replace(".", ",")
    lines.append(f":62F:C{day}EUR{closing}")
    return "\r\n".join(lines) + "\r\n-\r\n"
