"""Statements are handed over here; the worker takes them in (`importing`)."""

from libs.chassis.ids import new_id
from libs.contracts.errors import Invalid
from libs.contracts.orders import BankStatementView, ImportBankStatement
from libs.messaging.work import Work
from services.orders.model import BankStatement
from services.orders.views import statement_view

UPLOADS = "uploads/"


def import_bank_statement(work: Work, command: ImportBankStatement) -> BankStatementView:
    """Take an uploaded file over and answer at once; the worker does the rest."""
    work.caller.require("finance", "admin")
    if not command.key.startswith(UPLOADS) or ".." in command.key:
        raise Invalid.field("key", "not_an_upload")
    statement = BankStatement(
        id=new_id(),
        key=command.key,
        filename=command.filename,
        size=command.size,
        state="waiting",
        uploaded_at=work.now(),
        uploaded_by=work.caller.account_id,
        reason_params={},
        correlation_id=work.correlation_id,
    )
    work.session.add(statement)
    work.session.flush()
    work.wake("import bank statements")
    return statement_view(statement)
