"""What orders hears, and what time does to it."""

from datetime import timedelta

from libs.contracts.identity import OrganisationChanged, OrganisationRegistered
from libs.contracts.orders import OrderPaid
from libs.messaging.worker import Job, Subscriptions
from services.orders import projections
from services.orders.handlers import documents, expiring, importing

SUBSCRIPTIONS: Subscriptions = {
    OrganisationRegistered: [projections.remember_organisation],
    OrganisationChanged: [projections.remember_organisation],
    OrderPaid: [documents.issue_invoice],
}

JOBS = [
    Job("import bank statements", every=timedelta(seconds=10), run=importing.import_waiting, transactional=False),
    Job("issue proformas", every=timedelta(seconds=10), run=documents.issue_proformas, transactional=False),
    Job("issue invoices", every=timedelta(seconds=10), run=documents.issue_invoices, transactional=False),
    Job("expire orders", every=timedelta(minutes=1), run=expiring.expire_due),
]
