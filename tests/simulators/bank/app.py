"""Online banking as a web page, and the operator's statement as a file."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable
from dataclasses import asdict
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from typing import Any

from flask import Blueprint, Flask, Response, abort, current_app, jsonify, redirect, render_template, request, url_for
from stdnum import iban as iban_number
from werkzeug.wrappers import Response as BaseResponse

from tests.simulators.bank.statements import FORMATS, Statement, Transfer, render
from tests.simulators.serving import add_probes

PAYER_IBAN = "BG18RZBB91550123456789"
pages = Blueprint("pages", __name__)
api = Blueprint("api", __name__, url_prefix="/api")


class Refused(ValueError):
    """The bank does not take this transfer."""


class Ledger:
    """The transfers of today into one account after another, in memory."""

    def __init__(self, now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self._now = now
        self._lock = threading.Lock()
        self._numbers = itertools.count(1)
        self._statements = itertools.count(1)
        self._incoming: dict[str, list[Transfer]] = {}

    def pay(self, *, payee_iban: str, payer: str, payer_iban: str, amount: str, reason: str) -> Transfer:
        """Take a transfer; raises :class:`Refused` in the bank's words."""
        account = iban_number.compact(payee_iban)
        if not iban_number.is_valid(account):
            raise Refused("The payee's IBAN is not right.")
        try:
            sum_of_money = Decimal(amount.replace(" ", "").replace(",", "."))
        except InvalidOperation:
            raise Refused("The amount is not right.") from None
        if not Decimal("0.01") <= sum_of_money <= Decimal("999999.99"):
            raise Refused("The amount is not right.")
        with self._lock:
            transfer = Transfer(
                payer=payer.strip() or "Примерен брокер ООД",
                payer_iban=iban_number.compact(payer_iban) or PAYER_IBAN,
                amount=sum_of_money,
                reason=" ".join(reason.split()),
                bank_reference=f"BNB{self._now():%y%m%d}{next(self._numbers):07d}",
            )
            self._incoming.setdefault(account, []).append(transfer)
            return transfer

    def accounts(self) -> dict[str, list[Transfer]]:
        """IBAN → what came in."""
        with self._lock:
            return {account: list(transfers) for account, transfers in self._incoming.items()}

    def statement(self, account: str) -> Statement:
        """Everything that came in up to now."""
        now = self._now()
        with self._lock:
            return Statement(
                number=next(self._statements),
                iban=account,
                bic="BNBGBGSD",
                owner="Account holder",
                day=now.date(),
                made_at=now,
                transfers=tuple(self._incoming.get(account, ())),
            )


def _ledger() -> Ledger:
    ledger: Ledger = current_app.extensions["ledger"]
    return ledger


def _pay(values: Any) -> Transfer:
    return _ledger().pay(
        payee_iban=values.get("iban", ""),
        payer=values.get("payer", ""),
        payer_iban=values.get("payer_iban", ""),
        amount=str(values.get("amount", "")),
        reason=values.get("reason", ""),
    )


@pages.get("/")
def start() -> str:
    """A transfer to fill in, and the accounts that got money."""
    return render_template("bank.html", accounts=_ledger().accounts(), formats=FORMATS, typed={}, fault="")


@pages.post("/")
def pay() -> Any:
    """Send the transfer."""
    try:
        _pay(request.form)
    except Refused as refusal:
        page = render_template(
            "bank.html", accounts=_ledger().accounts(), formats=FORMATS, typed=request.form, fault=str(refusal)
        )
        return page, 422
    return redirect(url_for("pages.start"))


@pages.get("/statements/<account>/<form>")
def statement(account: str, form: str) -> BaseResponse:
    """The statement of an account as a file."""
    if form not in FORMATS:
        abort(404)
    name, content = render(_ledger().statement(account), form)
    response = Response(content, mimetype="text/plain" if form == "mt940" else "application/xml")
    response.headers.set("Content-Disposition", "attachment", filename=name)
    return response


@api.post("/transfers")
def api_pay() -> Any:
    """A transfer as JSON: `iban`, `amount`, `reason`, and who pays."""
    try:
        transfer = _pay(request.get_json(force=True))
    except Refused as refusal:
        return jsonify(error=str(refusal)), 422
    return jsonify(asdict(transfer) | {"amount": str(transfer.amount)}), 201


def create_app(ledger: Ledger | None = None) -> Flask:
    """The simulator around a ledger."""
    app = Flask(__name__)
    app.extensions["ledger"] = ledger or Ledger()
    app.register_blueprint(pages)
    app.register_blueprint(api)
    add_probes(app)
    return app
