"""Public statement files of banks, read where they lie."""

from __future__ import annotations

import io
from decimal import Decimal
from pathlib import Path

import mt940 as oracle
import pytest

from services.orders.adapters.bank_statements import Entry, OwnAccounts, Reason, StatementFault, read_statement
from services.orders.adapters.bank_statements.mt940 import account_number

SAMPLES = Path(__file__).resolve().parents[4] / "shared" / "samples"


@pytest.mark.skipif(not SAMPLES.is_dir(), reason="the banks' public samples are not beside the project")
class TestSamples:
    """Public files of banks, read where they lie."""

    @staticmethod
    def read(name: str, **accounts: str) -> list[Entry]:
        with (SAMPLES / name).open("rb") as file:
            return list(read_statement(file, OwnAccounts(accounts)))

    def test_dutch_statement_of_version_02(self) -> None:
        found = self.read("oca_camt053_v02_nl.xml", NL77ABNA0574908765="EUR")
        assert [entry.amount for entry in found] == [Decimal(a) for a in ("754.25", "564.05", "100.00", "1405.31")]
        assert [entry.credit for entry in found] == [False, False, False, True]
        assert (found[3].payer_name, found[3].payer_iban) == ("3rd party Media", "NL69ABNA0522123643")
        assert len({entry.key for entry in found}) == 4

    def test_batch_without_details_is_marked(self) -> None:
        found = self.read("viafintech_camt053_v02_batch_nl.xml", NL18INGB00012345678="EUR")
        assert [entry.collective for entry in found] == [True, False, False]

    def test_swiss_statement_names_payer_and_creditor_reference(self) -> None:
        with (SAMPLES / "viafintech_camt053_v08_ch.xml").open("rb") as file:
            reading = read_statement(file, OwnAccounts({"CH1111111111111111111": "CHF"}))
            first, second = next(reading), next(reading)
            with pytest.raises(StatementFault) as fault:
                next(reading)
        assert (first.payer_name, second.structured_reference) == ("Jon Doe", "RF38000000000000000000552")
        assert fault.value.reason is Reason.WRONG_CURRENCY

    def test_notification_is_no_statement(self) -> None:
        with pytest.raises(StatementFault) as fault:
            self.read("oca_camt054.xml")
        assert fault.value.reason is Reason.NOT_A_STATEMENT

    def test_identical_bookings_stay_two(self) -> None:
        found = self.read("bsp_camt053_duplicates.xml", DE89370400440532013000="EUR")
        assert len({entry.key for entry in found}) == len(found) == 2

    def test_plus_fields_of_a_bulgarian_module_are_split(self) -> None:
        found = self.read("l10nbg_mt940_unicredit_plus_subfields.txt", BG56UNCR360SV52474653600="EUR")
        assert [entry.amount for entry in found] == [Decimal("210.60"), Decimal("2.76")]
        assert (found[0].payer_name, found[0].payer_iban) == ("RUSSMEDIA PRESS SRL", "BG89UNCR0000060003480121")
        assert not any("Credit neutilizat" in text for entry in found for text in entry.remittance)

    @pytest.mark.parametrize(
        ("name", "accounts"),
        [
            (
                "mt940py_betterplace_sepa_de.sta",
                [f"50880050/{number}" for number in ("0194774600888", "0194777100888", "0194778300888")],
            ),
            ("mt940py_mbank_pl.sta", ["PL29114010810000267002001002"]),
        ],
    )
    def test_amounts_days_and_references_agree_with_another_reader(self, name: str, accounts: list[str]) -> None:
        text = (SAMPLES / name).read_text(encoding="utf-8").lstrip("\x01")
        theirs = [transaction.data for transaction in oracle.parse(text)]
        currency = theirs[0]["amount"].currency
        known = dict.fromkeys((*accounts, *_accounts_in(text)), currency)
        ours = list(read_statement(io.BytesIO(text.encode()), OwnAccounts(known)))
        assert len(ours) == len(theirs)
        for our, their in zip(ours, theirs, strict=True):
            assert our.amount == abs(their["amount"].amount)
            # The oracle knows no direction for reversals.
            assert our.reversal or our.credit == (their["amount"].amount > 0)
            assert our.valued_on == their["date"]
            assert (our.bank_reference or "") == (their["bank_reference"] or "")


def _accounts_in(text: str) -> list[str]:
    return [account_number(line[4:]) for line in text.splitlines() if line.startswith(":25:")]
