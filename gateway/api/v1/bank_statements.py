"""``/bank-statements``: upload of the bank's file and how far its import is."""

from uuid import UUID

from flask import request

from gateway.api.v1.rim import Resource
from gateway.clients.orders import orders
from gateway.security.guards import guard, role
from gateway.uploads import keep_upload, large_body
from libs.contracts.errors import Invalid
from libs.contracts.orders import BankStatementView

blueprint = Resource("api_bank_statements", __name__, url_prefix="/bank-statements", description="Bank statements")

FILE = {
    "multipart/form-data": {
        "schema": {
            "type": "object",
            "required": ["file"],
            "properties": {"file": {"type": "string", "format": "binary"}},
        }
    }
}


@blueprint.route("", methods=["POST"])
@large_body()
@guard(role("finance", "admin"))
@blueprint.gives(BankStatementView, 202)
@blueprint.doc(requestBody={"content": FILE})
def upload() -> BankStatementView:
    """Upload camt.053 or MT940; it is read in the background."""
    file = request.files.get("file")
    if file is None or not file.filename:
        raise Invalid.field("file", "required")
    stored = keep_upload(file)
    return orders.import_bank_statement(stored.key, file.filename[-200:], stored.size)


@blueprint.route("/<uuid:statement_id>", methods=["GET"])
@guard(role("finance", "admin"))
@blueprint.gives(BankStatementView)
def read(statement_id: UUID) -> BankStatementView:
    """How far the import is."""
    return orders.get_bank_statement(statement_id)
