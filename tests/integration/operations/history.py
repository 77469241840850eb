"""What happened in the town: something of everything that the services tell of."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

import pytest

from libs.chassis.operator import load_operator
from libs.chassis.principal import Principal
from libs.contracts.certificates import RequestArchive, RevokeCertificate
from libs.contracts.identity import CancelSignIn, CloseAccount, CorrectOrganisation, EndSession, ReissuePassword
from libs.contracts.licensing import Assign, Assignee, WithdrawAssignment
from libs.contracts.orders import (
    ApproveOrder,
    CancelOrder,
    DeclineOrder,
    MatchBankTransaction,
    NewOrderLine,
    OrderView,
    PlaceOrder,
)
from libs.messaging.remembering import once
from services.certificates.handlers import archiving, issuing
from services.certificates.handlers.library import load_trainings
from services.certificates.load import of_operator
from services.identity.handlers import accounts, organisations, sessions, sign_in
from services.licensing.handlers import assigning
from services.mfa.adapters.push import Answer, Standing
from services.orders.handlers import catalogue, deciding, documents, payments, placing
from services.orders.model import Order
from tests.integration.operations.town import Phones, Town
from tests.support.builders.certificates import Academy, Learner
from tests.support.builders.identity import Holder, a_principal, digest_of
from tests.support.builders.orders import use_operator
from tests.support.builders.statements import Transfer, camt

LICENCE, TRAINING = "microsoft-365-a3", "induction"


def live_through(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let everything happen once, and end with nothing under way."""
    with town.work_for("orders") as work:
        catalogue.publish_products(work, load_operator("demo"))
    with town.work_for("certificates") as work:
        load_trainings(work, of_operator(load_operator("demo")))
    manager, learners = _people(town)
    _confirmations(town)
    principal = town.desk.principal(manager)
    _orders(town, principal, monkeypatch)
    _seats(town, principal, learners)
    _learning(town, principal, learners)
    town.send_mails()


def _people(town: Town) -> tuple[Holder, list[Holder]]:
    body = town.desk.organisation()
    manager = town.desk.issue("manager", body)
    learners = [town.desk.issue("member", body) for _ in range(4)]
    closed = town.desk.issue("member", body)
    admin = a_principal("admin")
    with town.work_for("identity", principal=admin) as work:
        accounts.close(work, CloseAccount(account_id=closed.id))
    with town.work_for("identity", principal=admin) as work:
        accounts.reissue(work, ReissuePassword(account_id=learners[3].id))
    with town.work_for("identity", principal=a_principal("clerk")) as work:
        organisations.correct(
            work, CorrectOrganisation(organisation_id=body.id, name="Примерен брокер АД", address="Пловдив")
        )
    town.post()
    return manager, learners


def _confirmations(town: Town) -> None:
    """A sign-in for each outcome."""
    ends = {
        "approved": Phones(),
        "rejected": Phones(answer=Answer.REFUSED),
        "missing": Phones(standing=Standing.NOT_REGISTERED),
        "unavailable": Phones(reachable=False),
        "expired": Phones(answer=Answer.EXPIRED),
        "cancelled": Phones(answer=Answer.WAITING),
    }
    for end, phones in ends.items():
        holder = town.desk.issue("clerk")
        attempt = town.desk.begin(holder)
        town.desk.change(holder, attempt)
        town.phones = phones
        town.ask_phones()
        if end == "approved":
            session = town.desk.complete(attempt, holder)
            with town.work_for("identity", principal=town.desk.principal(holder, session)) as work:
                sessions.end(work, EndSession())
        if end == "rejected":  # and asked again at once
            town.desk.begin(holder)
            town.ask_phones()
        if end == "cancelled":
            command = CancelSignIn(sign_in_id=attempt.id, browser_digest=digest_of(holder.browser), reason="not_me")
            with town.work_for("identity") as work:
                sign_in.cancel(work, command)
        town.ask_phones()


def _orders(town: Town, manager: Principal, monkeypatch: pytest.MonkeyPatch) -> None:
    licences, trainings = _order(town, manager, (LICENCE, 2)), _order(town, manager, (TRAINING, 3), (LICENCE, 1))
    in_part, by_hand, cancelled, expired = (_order(town, manager, (LICENCE, 1)) for _ in range(4))
    town.post()
    while documents.issue_proformas(town.databases("orders").open_work):
        continue
    with town.work_for("orders", principal=manager) as work:
        placing.cancel_order(work, CancelOrder(order_id=cancelled.id))
    with town.work_for("orders") as work:
        work.session.get_one(Order, expired.id).expire()
    transfers = [
        _payment(licences),
        _payment(trainings),
        _payment(in_part, amount="10.00"),
        Transfer(amount="43.20", texts=("без основание",), payer="Някой друг", payer_iban=""),
        Transfer(amount="12.00", outgoing=True, texts=("наем",)),
    ]
    town.shop.statement(camt(transfers))
    town.shop.statement(camt(transfers))  # known already
    town.shop.statement(b"<Document/>")
    (unmatched,) = town.shop.transactions("unmatched")
    with town.work_for("orders", principal=a_principal("finance")) as work:
        command = MatchBankTransaction(transaction_id=unmatched.id, order_number=by_hand.number)
        once(
            work,
            command_id="by hand",
            name="match_bank_transaction",
            request={},
            run=lambda: str(payments.match_bank_transaction(work, command).id),
        )
    _decisions(town, manager, monkeypatch)
    town.post()
    while documents.issue_invoices(town.databases("orders").open_work):
        continue
    town.post()


def _decisions(town: Town, manager: Principal, monkeypatch: pytest.MonkeyPatch) -> None:
    use_operator(monkeypatch, "ministry")
    approved, declined = _order(town, manager, (LICENCE, 1)), _order(town, manager, (LICENCE, 1))
    with town.work_for("orders", principal=a_principal("official")) as work:
        deciding.approve_order(work, ApproveOrder(order_id=approved.id))
    with town.work_for("orders", principal=a_principal("official")) as work:
        deciding.decline_order(work, DeclineOrder(order_id=declined.id, reason="Няма средства"))
    use_operator(monkeypatch, "demo")


def _order(town: Town, manager: Principal, *lines: tuple[str, int]) -> OrderView:
    command = PlaceOrder(
        organisation_id=manager.organisation_id or UUID(int=0),
        lines=[NewOrderLine(sku=sku, quantity=quantity) for sku, quantity in lines],
        language="bg",
    )
    with town.work_for("orders", principal=manager) as work:
        return placing.place_order(work, command)


def _payment(order: OrderView, amount: str | None = None) -> Transfer:
    return Transfer(amount=amount or order.gross.amount, structured=order.payment.reference)


def _seats(town: Town, manager: Principal, learners: list[Holder]) -> None:
    _assign(town, manager, TRAINING, learners[:3])
    second = _assign(town, manager, LICENCE, learners[:2])[1]
    with town.work_for("licensing", principal=manager) as work:
        assigning.withdraw_assignment(work, WithdrawAssignment(assignment_id=second))
    town.post()
    _assign(town, manager, LICENCE, learners[1:2])
    town.post()


def _assign(town: Town, manager: Principal, sku: str, people: list[Holder]) -> list[UUID]:
    command = Assign(
        organisation_id=manager.organisation_id or UUID(int=0),
        sku=sku,
        people=[Assignee(account_id=person.id, modules=[]) for person in people],
    )
    with town.work_for("licensing", principal=manager) as work:
        return [one.id for one in assigning.assign(work, command).items]


def _learning(town: Town, manager: Principal, learners: list[Holder]) -> None:
    academy = Academy(database=town.databases("certificates"))
    with town.work_for("certificates") as work:
        from services.certificates.model import Enrolment

        held = {one.account_id: one.id for one in work.session.query(Enrolment)}
    for number, holder in enumerate(learners[:3]):
        person = Learner(
            account_id=holder.id, organisation_id=manager.organisation_id or UUID(int=0), name="Елена Димитрова"
        )
        modules = academy.training(person, held[holder.id]).modules
        for module in modules[: len(modules) if number < 2 else 1]:
            academy.pass_module(person, held[holder.id], module.code)
    town.post()
    academy.print_all()
    town.clock.advance(timedelta(seconds=1))
    number = academy.training(
        Learner(account_id=learners[0].id, organisation_id=manager.organisation_id or UUID(int=0), name=""),
        held[learners[0].id],
    ).certificate_number
    with town.work_for("certificates", principal=a_principal("admin")) as work:
        issuing.revoke_certificate(work, RevokeCertificate(number=number or "", reason="holder_request"))
    with town.work_for("certificates", principal=manager) as work:
        archiving.request_archive(work, RequestArchive(organisation_id=manager.organisation_id or UUID(int=0)))
    archiving.pack_due(town.databases("certificates").open_work)
    town.post()
