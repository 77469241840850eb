"""The bank simulator writes what banks write."""

from __future__ import annotations

import io
from decimal import Decimal

import pytest

from services.orders.adapters.bank_statements import OwnAccounts, read_statement
from tests.simulators.bank.app import Ledger, Refused, create_app
from tests.simulators.bank.statements import FORMATS, render

IBAN = "BG80BNBG96611020345678"


@pytest.fixture
def ledger() -> Ledger:
    ledger = Ledger()
    ledger.pay(
        payee_iban=f"{IBAN[:4]} {IBAN[4:]}",
        payer="Примерен брокер ООД",
        payer_iban="",
        amount="259,20",
        reason="RF33INV1",
    )
    ledger.pay(payee_iban=IBAN, payer="Друг <брокер> & син", payer_iban="", amount="10", reason="за обучение " * 10)
    return ledger


@pytest.mark.parametrize("form", FORMATS)
def test_every_format_is_understood_by_the_reader_of_statements(ledger: Ledger, form: str) -> None:
    _, content = render(ledger.statement(IBAN), form)
    entries = list(read_statement(io.BytesIO(content), OwnAccounts({IBAN: "EUR"})))
    assert [entry.amount for entry in entries] == [Decimal("259.20"), Decimal("10.00")]
    assert all(entry.credit for entry in entries)
    assert len({entry.bank_reference for entry in entries}) == 2


@pytest.mark.parametrize("amount", ["", "0", "-1", "a lot", "1e9"])
def test_an_impossible_amount_is_refused(ledger: Ledger, amount: str) -> None:
    with pytest.raises(Refused):
        ledger.pay(payee_iban=IBAN, payer="", payer_iban="", amount=amount, reason="")


def test_a_wrong_iban_is_refused_with_what_was_typed() -> None:
    answer = create_app().test_client().post("/", data={"iban": "BG81BNBG96611020345678", "amount": "1"})
    assert answer.status_code == 422
    assert "BG81BNBG96611020345678" in answer.get_data(as_text=True)


def test_the_statement_of_an_account_is_downloaded_from_the_page(ledger: Ledger) -> None:
    client = create_app(ledger).test_client()
    assert f"/statements/{IBAN}/mt940" in client.get("/").get_data(as_text=True)
    assert client.get(f"/statements/{IBAN}/camt.053.001.08").mimetype == "application/xml"
    assert client.get(f"/statements/{IBAN}/pdf").status_code == 404
