"""Bank statements and the transfers in them."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from flask import flash, redirect, request, url_for
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from wtforms import StringField

from gateway.clients.orders import orders
from gateway.faults import refused, sentence
from gateway.panels import panel
from gateway.portal.journey import Form, at_most, page, required
from gateway.portal.staff.desk import Page, finance, journey
from gateway.portal.staff.faults import WHY_UNMATCHED, statement_reason
from gateway.security.guards import guard
from gateway.streams import push
from gateway.uploads import keep_upload, large_body
from libs.contracts.errors import NotFound
from libs.contracts.orders import BankStatementProgressed, BankTransactionView, ListBankTransactions

LONGEST_WAIT = timedelta(minutes=15)
ENDS = ("done", "failed")


class MatchForm(Form):
    """Which order a transfer pays."""

    order_number = StringField(_l("Order number"), [required(), at_most(30)])


class DiscardForm(Form):
    """Why a transfer concerns no order."""

    note = StringField(_l("Note"), [required(), at_most(500)])


@journey.route("/work/bank-statements", methods=["GET", "POST"])
@large_body()
@guard(finance)
def bank_statements() -> Page:
    """Upload the bank's file; earlier ones stand below."""
    fault = ""
    if request.method == "POST":
        file = request.files.get("file")
        if file is not None and file.filename:
            stored = keep_upload(file)
            statement = orders.import_bank_statement(stored.key, file.filename[-200:], stored.size)
            return redirect(url_for("staff.bank_statement", statement_id=statement.id))
        fault = sentence("required")
    found = orders.list_bank_statements(request.args.get("page_token") or None)
    return page(
        "staff/bank_statements.html", statements=found, fault=fault, faulty=bool(fault), reason=statement_reason
    )


@journey.get("/work/bank-statements/<uuid:statement_id>")
@guard(finance)
def bank_statement(statement_id: UUID) -> Page:
    """How far an import is, and what came of it."""
    found = orders.get_bank_statement(statement_id)
    transactions = None
    if found.state == "done":
        transactions = orders.list_bank_transactions(
            ListBankTransactions(state="", statement_id=statement_id, page_token=request.args.get("page_token") or None)
        )
    return page(
        "staff/bank_statement.html",
        statement=found,
        transactions=transactions,
        reason=statement_reason,
        why=WHY_UNMATCHED,
    )


@journey.get("/work/bank-statements/<uuid:statement_id>/events")
@guard(finance)
def bank_statement_events(statement_id: UUID) -> Any:
    """Push to the page that follows an import."""
    orders.get_bank_statement(statement_id)

    def settled() -> bool:
        return orders.get_bank_statement(statement_id).state in ENDS

    return push(BankStatementProgressed, str(statement_id), until=datetime.now(UTC) + LONGEST_WAIT, settled=settled)


@journey.get("/work/payments/unmatched")
@guard(finance)
def unmatched() -> Page:
    """Transfers that wait for a person."""
    found = orders.list_bank_transactions(
        ListBankTransactions(
            search=request.args.get("search", "").strip()[:100], page_token=request.args.get("page_token") or None
        )
    )
    return page("staff/unmatched.html", transactions=found, why=WHY_UNMATCHED)


def _transaction(transaction_id: UUID) -> BankTransactionView:
    found = orders.list_bank_transactions(ListBankTransactions(transaction_id=transaction_id)).items
    if not found:
        raise NotFound
    return found[0]


@journey.route("/work/payments/<uuid:transaction_id>/match", methods=["GET", "POST"])
@guard(finance)
def match(transaction_id: UUID) -> Page:
    """Say which order a transfer pays."""
    found, form = _transaction(transaction_id), MatchForm()
    if form.validate_on_submit():
        with refused(form):
            matched = orders.match_bank_transaction(transaction_id, (form.order_number.data or "").strip())
            flash(_("The transfer is counted towards order %(number)s.", number=matched.order_number), "good")
            return redirect(url_for("staff.unmatched"))
    return page("staff/match.html", form, transaction=found, why=WHY_UNMATCHED)


@journey.route("/work/payments/<uuid:transaction_id>/discard", methods=["GET", "POST"])
@guard(finance)
def discard(transaction_id: UUID) -> Page:
    """Say that a transfer concerns no order."""
    found, form = _transaction(transaction_id), DiscardForm()
    if form.validate_on_submit():
        with refused(form):
            orders.discard_bank_transaction(transaction_id, form.note.data or "")
            flash(_("The transfer is set aside."), "good")
            return redirect(url_for("staff.unmatched"))
    return page("staff/discard.html", form, transaction=found, why=WHY_UNMATCHED)


@panel(finance, order=10, template="staff/payments_panel.html")
def to_match() -> dict[str, Any]:
    """How many transfers wait for a person."""
    return {"count": orders.list_bank_transactions(ListBankTransactions(page_size=1)).total}
