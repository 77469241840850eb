"""From an uploaded statement to a paid order."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import pytest

from libs.chassis.clock import ManualClock
from libs.chassis.ids import new_id
from libs.contracts.errors import Forbidden, Invalid, NotFound
from libs.contracts.orders import (
    BankStatementProgressed,
    CancelOrder,
    DiscardBankTransaction,
    GetBankStatement,
    ImportBankStatement,
    ListBankStatements,
    ListBankTransactions,
    MatchBankTransaction,
    OrderExpired,
    OrderPaid,
    PaymentReceived,
)
from services.orders import queries
from services.orders.handlers import expiring, importing, payments, placing, statements
from services.orders.model.errors import OrderClosed, TransactionNotUnmatched
from tests.support.builders.events import recorded
from tests.support.builders.orders import TRAINING, Shop, staff
from tests.support.builders.statements import Transfer, camt, mt940


@pytest.mark.story("INS-06", "INS-07")
def test_transfer_with_the_reference_pays_the_order_and_only_then(shop: Shop) -> None:
    order = shop.order(shop.buyer(), (TRAINING, 3))
    assert order.state == "awaiting_payment"
    assert recorded(shop.database, OrderPaid) == []

    statement = shop.statement(camt([Transfer(amount=order.gross.amount, structured=order.payment.reference)]))

    assert (statement.state, statement.matched, statement.unmatched, statement.progress) == ("done", 1, 0, 100)
    assert shop.look(order).state == "paid"
    [paid] = recorded(shop.database, OrderPaid)
    assert paid["order_id"] == str(order.id)
    assert [line["quantity"] for line in paid["lines"]] == [3]


@pytest.mark.parametrize("version", ["02", "04", "08"])
def test_every_version_of_camt_pays(shop: Shop, version: str) -> None:
    order = shop.order(shop.buyer())
    shop.statement(camt([Transfer(amount=order.gross.amount, texts=[order.payment.reference])], version=version))
    assert shop.look(order).state == "paid"


@pytest.mark.parametrize(
    ("delimiter", "code", "encoding"),
    [("?", "166", "utf-8"), ("?", "", "cp1251"), ("+", "000", "cp1251"), ("^", "", "cp1251"), ("", "", "utf-8")],
)
def test_mt940_of_every_bank_pays(shop: Shop, delimiter: str, code: str, encoding: str) -> None:
    order = shop.order(shop.buyer())
    texts = ["ПЛАЩАНЕ ПО ПРОФОРМА ", order.payment.reference]
    transfer = Transfer(amount=order.gross.amount, texts=texts, bank_reference="FT26324001")
    statement = shop.statement(mt940([transfer], delimiter=delimiter, code=code, encoding=encoding))
    assert (statement.state, statement.reason) == ("done", None)
    assert shop.look(order).state == "paid"


@pytest.mark.story("INS-10")
def test_same_file_twice_changes_nothing(shop: Shop) -> None:
    order = shop.order(shop.buyer())
    content = camt(
        [
            Transfer(amount=order.gross.amount, texts=[order.payment.reference], bank_reference="R1"),
            Transfer(amount="5.00", texts=["нещо друго"]),
            Transfer(amount="9.00", outgoing=True),
        ]
    )
    first = shop.statement(content)
    before = len(recorded(shop.database, PaymentReceived))
    second = shop.statement(content)
    assert (first.entries, first.matched, first.unmatched, first.outgoing, first.duplicates) == (3, 1, 1, 1, 0)
    assert (second.entries, second.matched, second.unmatched, second.duplicates) == (3, 0, 0, 3)
    assert len(shop.transactions()) == 2
    assert len(recorded(shop.database, OrderPaid)) == 1
    assert len(recorded(shop.database, PaymentReceived)) == before == 1
    assert shop.look(order).credit.amount == 0


@pytest.mark.story("INS-10")
def test_same_entry_in_another_statement_is_known(shop: Shop) -> None:
    order = shop.order(shop.buyer(), (TRAINING, 2))
    transfer = Transfer(amount="57.60", texts=[order.payment.reference], bank_reference="R1")
    shop.statement(camt([transfer], statement_id="day"))
    week = shop.statement(camt([Transfer(amount="1.00"), transfer], statement_id="week"))
    assert (week.entries, week.duplicates) == (2, 1)
    assert shop.look(order).paid.amount == Decimal("57.60")


def test_two_payments_alike_in_everything_are_two(shop: Shop) -> None:
    order = shop.order(shop.buyer(), (TRAINING, 2))
    half = Transfer(amount="57.60", texts=[order.payment.reference])
    statement = shop.statement(camt([half, half]))
    assert (statement.matched, statement.duplicates) == (2, 0)
    assert shop.look(order).state == "paid"


def test_part_payment_waits_for_the_whole_sum(shop: Shop) -> None:
    order = shop.order(shop.buyer(), (TRAINING, 2))
    shop.statement(camt([Transfer(amount="100.00", texts=[order.payment.reference])], statement_id="1"))
    halfway = shop.look(order)
    assert (halfway.state, halfway.payment.amount.amount) == ("under_paid", Decimal("15.20"))
    assert recorded(shop.database, OrderPaid) == []
    assert "EUR15.20" in halfway.payment.epc
    shop.statement(camt([Transfer(amount="15.20", texts=[order.payment.reference])], statement_id="2"))
    assert shop.look(order).state == "paid"
    assert len(recorded(shop.database, OrderPaid)) == 1
    assert [event["owed"]["amount"] for event in recorded(shop.database, PaymentReceived)] == ["15.20", "0.00"]


def test_what_is_paid_too_much_becomes_a_credit(shop: Shop) -> None:
    order = shop.order(shop.buyer())
    shop.statement(camt([Transfer(amount="60.00", texts=[order.payment.reference])]))
    paid = shop.look(order)
    assert (paid.state, paid.credit.amount, paid.payment) == ("paid", Decimal("2.40"), None)


def test_second_payment_of_a_paid_order_waits_for_finance(shop: Shop) -> None:
    order = shop.order(shop.buyer())
    again = Transfer(amount=order.gross.amount, texts=[order.payment.reference])
    shop.statement(camt([again, again]))
    [queued] = shop.transactions("unmatched")
    assert (queued.why, queued.suggestions) == ("already_paid", [order.number])
    assert shop.look(order).credit.amount == 0


def test_payment_of_a_cancelled_order_waits_for_finance(shop: Shop) -> None:
    buyer = shop.buyer()
    order = shop.order(buyer)
    with shop.database.open_work(principal=buyer.manager) as work:
        placing.cancel_order(work, CancelOrder(order_id=order.id))
    shop.statement(camt([Transfer(amount=order.gross.amount, texts=[order.payment.reference])]))
    [queued] = shop.transactions("unmatched")
    assert queued.why == "order_closed"
    assert shop.look(order).state == "cancelled"
    with pytest.raises(OrderClosed), shop.database.open_work(principal=staff("finance")) as work:
        payments.match_bank_transaction(work, MatchBankTransaction(transaction_id=queued.id, order_number=order.number))
    assert shop.transactions("unmatched") == [queued]


def test_unpaid_orders_expire_and_paid_in_part_ones_do_not(shop: Shop, clock: ManualClock) -> None:
    unpaid, begun = shop.order(shop.buyer()), shop.order(shop.buyer())
    shop.statement(camt([Transfer(amount="1.00", texts=[begun.payment.reference])]))
    clock.advance(timedelta(days=31))
    with shop.database.open_work() as work:
        assert expiring.expire_due(work) is False
    assert (shop.look(unpaid).state, shop.look(begun).state) == ("expired", "under_paid")
    assert len(recorded(shop.database, OrderExpired)) == 1
    shop.statement(camt([Transfer(amount="57.60", texts=[unpaid.payment.reference])], statement_id="late"))
    assert [queued.why for queued in shop.transactions("unmatched")] == ["order_closed"]


def test_finance_matches_by_hand_and_discards_with_a_note(shop: Shop) -> None:
    order = shop.order(shop.buyer())
    statement = shop.statement(camt([Transfer(amount="57.60", payer="", payer_iban=""), Transfer(amount="3.00")]))
    other, payment = sorted(shop.transactions("unmatched"), key=lambda transaction: transaction.amount.amount)
    assert payment.suggestions == [order.number]
    finance = staff("finance")
    with shop.database.open_work(principal=finance) as work:
        payments.match_bank_transaction(
            work, MatchBankTransaction(transaction_id=payment.id, order_number=f" {order.number} ")
        )
    with shop.database.open_work(principal=finance) as work:
        payments.discard_bank_transaction(
            work, DiscardBankTransaction(transaction_id=other.id, note="Лихва от банката")
        )
    assert shop.look(order).state == "paid"
    [matched] = shop.transactions("matched")
    assert (matched.matched_by, matched.order_number) == ("hand", order.number)
    [discarded] = shop.transactions("discarded")
    assert discarded.note == "Лихва от банката"
    after = shop.progress(statement)
    assert (after.matched, after.unmatched) == (1, 0)


def test_what_a_person_decided_is_not_undone(shop: Shop) -> None:
    order, other = shop.order(shop.buyer()), shop.order(shop.buyer("Друга фирма ООД"))
    content = camt([Transfer(amount="57.60", payer="", payer_iban="", bank_reference="R9")])
    shop.statement(content)
    [queued] = shop.transactions("unmatched")
    with shop.database.open_work(principal=staff("finance")) as work:
        payments.match_bank_transaction(work, MatchBankTransaction(transaction_id=queued.id, order_number=order.number))
    shop.statement(content)
    [matched] = shop.transactions()
    assert matched.order_number == order.number
    with pytest.raises(TransactionNotUnmatched), shop.database.open_work(principal=staff("finance")) as work:
        payments.match_bank_transaction(work, MatchBankTransaction(transaction_id=queued.id, order_number=other.number))
    assert shop.look(other).paid.amount == 0


def test_unknown_order_number_is_named_as_the_fault(shop: Shop) -> None:
    shop.statement(camt([Transfer(amount="57.60")]))
    [queued] = shop.transactions("unmatched")
    with pytest.raises(Invalid) as refusal, shop.database.open_work(principal=staff("finance")) as work:
        payments.match_bank_transaction(
            work, MatchBankTransaction(transaction_id=queued.id, order_number="2026-999999")
        )
    assert [(fault.field, fault.code) for fault in refusal.value.faults] == [("order_number", "unknown_order")]


def test_money_that_leaves_and_returned_payments_settle_nothing(shop: Shop) -> None:
    order = shop.order(shop.buyer())
    reference = order.payment.reference
    statement = shop.statement(
        camt(
            [
                Transfer(amount="57.60", texts=[reference], outgoing=True),
                Transfer(amount="57.60", texts=[reference], reversal=True),
            ]
        )
    )
    assert (statement.outgoing, statement.unmatched, statement.matched) == (1, 1, 0)
    assert shop.look(order).state == "awaiting_payment"


def test_truncated_file_leaves_no_entry_and_says_why(shop: Shop) -> None:
    order = shop.order(shop.buyer())
    transfers = [Transfer(amount="57.60", texts=[order.payment.reference])]
    transfers += [Transfer(amount=f"{number}.00", bank_reference=f"R{number}") for number in range(1, 2_500)]
    content = camt(transfers)
    failed = shop.statement(content[:-5_000])
    assert (failed.state, failed.reason, failed.entries, failed.matched) == ("failed", "truncated", 0, 0)
    assert failed.finished_at is not None
    assert shop.transactions() == []
    assert shop.look(order).state == "awaiting_payment"
    whole = shop.statement(content)
    assert (whole.state, whole.entries, whole.duplicates) == ("done", 2_500, 0)
    assert shop.look(order).state == "paid"


def test_fault_after_a_kept_batch_takes_the_batch_back(shop: Shop) -> None:
    transfers = [Transfer(bank_reference=f"R{number}") for number in range(importing.READ_AT_ONCE + 10)]
    failed = shop.statement(camt([*transfers, Transfer(currency="USD")]))
    assert (failed.state, failed.reason, failed.entries) == ("failed", "wrong_currency", 0)
    assert failed.reason_params["detail"] == "USD"
    assert shop.transactions() == []


def test_missing_upload_is_told(shop: Shop) -> None:
    with shop.database.open_work(principal=staff("finance")) as work:
        uploaded = statements.import_bank_statement(
            work, ImportBankStatement(key=f"uploads/{new_id()}", filename="a.xml", size=1)
        )
    shop.run_imports()
    assert shop.progress(uploaded).reason == "missing"


def test_import_is_told_at_once_and_progress_follows(shop: Shop) -> None:
    uploaded = shop.upload(camt([Transfer()]))
    assert (uploaded.state, uploaded.progress) == ("waiting", 0)
    shop.run_imports()
    states = [event["state"] for event in recorded(shop.database, BankStatementProgressed)]
    assert states == ["reading", "matching", "done"]


def test_import_goes_on_where_a_worker_died_while_reading(shop: Shop, clock: ManualClock) -> None:
    uploaded = shop.upload(camt([Transfer(bank_reference="R1"), Transfer(bank_reference="R2")]))
    dead = new_id()
    with shop.database.open_work() as work:
        claimed = importing._claim(work, dead)
    assert claimed is not None
    shop.run_imports()
    assert shop.progress(uploaded).state == "reading"
    clock.advance(timedelta(minutes=3))
    shop.run_imports()
    done = shop.progress(uploaded)
    assert (done.state, done.entries, done.unmatched) == ("done", 2, 2)


def test_worker_that_lost_its_lease_changes_nothing_more(shop: Shop, clock: ManualClock) -> None:
    uploaded = shop.upload(camt([Transfer()]))
    slow = new_id()
    with shop.database.open_work() as work:
        claimed = importing._claim(work, slow)
    assert claimed is not None
    clock.advance(timedelta(minutes=3))
    shop.run_imports()
    with pytest.raises(importing.LeaseLost):
        importing._read(shop.database.open_work, claimed, slow)
    assert shop.progress(uploaded).unmatched == 1
    assert len(shop.transactions()) == 1


def test_import_that_never_succeeds_is_given_up(
    shop: Shop, clock: ManualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    uploaded = shop.upload(camt([Transfer()]))

    def broken(*_: object, **__: object) -> None:
        raise OSError("disk")

    monkeypatch.setattr(importing, "read_statement", broken)
    for _ in range(importing.MOST_ATTEMPTS):
        with pytest.raises(OSError, match="disk"):
            shop.run_imports()
        clock.advance(timedelta(minutes=3))
    shop.run_imports()
    assert (shop.progress(uploaded).state, shop.progress(uploaded).reason) == ("failed", "internal")


def test_only_finance_handles_statements(shop: Shop) -> None:
    uploaded = shop.upload(camt([Transfer()]))
    for nobody in (shop.buyer().manager, staff("clerk"), staff("official")):
        with pytest.raises(Forbidden), shop.database.open_work(principal=nobody) as work:
            statements.import_bank_statement(work, ImportBankStatement(key="uploads/x", filename="x", size=1))
        with pytest.raises(Forbidden), shop.database.open_work(principal=nobody) as work:
            queries.get_bank_statement(work, GetBankStatement(statement_id=uploaded.id))
        with pytest.raises(Forbidden), shop.database.open_work(principal=nobody) as work:
            payments.match_bank_transaction(
                work, MatchBankTransaction(transaction_id=new_id(), order_number="2026-000001")
            )
    with pytest.raises(NotFound), shop.database.open_work(principal=staff("finance")) as work:
        payments.discard_bank_transaction(work, DiscardBankTransaction(transaction_id=new_id(), note="?"))


@pytest.mark.parametrize("key", ["orders/invoices/0000000001.pdf", "uploads/../orders/x", "/etc/passwd"])
def test_only_uploads_can_be_imported(shop: Shop, key: str) -> None:
    with pytest.raises(Invalid), shop.database.open_work(principal=staff("finance")) as work:
        statements.import_bank_statement(work, ImportBankStatement(key=key, filename="x", size=1))


def test_finance_finds_imports_and_transfers(shop: Shop) -> None:
    first = shop.statement(camt([Transfer(amount="1.00", payer="Първа ООД")], statement_id="1"))
    second = shop.statement(
        camt([Transfer(amount="2.00", payer="Втора ООД"), Transfer(amount="3.00")], statement_id="2")
    )
    with shop.database.open_work(principal=staff("finance")) as work:
        page = queries.list_bank_statements(work, ListBankStatements(page_size=1))
        rest = queries.list_bank_statements(work, ListBankStatements(page_token=page.next_page_token))
        of_second = queries.list_bank_transactions(work, ListBankTransactions(statement_id=second.id))
        named = queries.list_bank_transactions(work, ListBankTransactions(search="първа"))
        one = queries.list_bank_transactions(work, ListBankTransactions(transaction_id=named.items[0].id))
        gone = queries.list_bank_transactions(work, ListBankTransactions(transaction_id=new_id()))
    assert [[item.id for item in found.items] for found in (page, rest)] == [[second.id], [first.id]]
    assert (of_second.total, named.total) == (2, 1)
    assert named.items[0].payer_name == "Първа ООД"
    assert (one.items, gone.items) == (named.items, [])
    with pytest.raises(NotFound), shop.database.open_work(principal=staff("finance")) as work:
        queries.get_bank_statement(work, GetBankStatement(statement_id=new_id()))
