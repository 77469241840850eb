"""What licensing hears, and what time does to it."""

from datetime import timedelta

from libs.contracts.certificates import TrainingBegun, TrainingPassed
from libs.contracts.identity import AccountChanged, AccountClosed, AccountIssued
from libs.contracts.orders import OrderApproved, OrderPaid, ProductPublished
from libs.messaging.worker import Job, Subscriptions
from services.licensing import projections
from services.licensing.handlers import pools, progress

SUBSCRIPTIONS: Subscriptions = {
    ProductPublished: [projections.remember_product],
    AccountIssued: [projections.remember_person],
    AccountChanged: [projections.remember_person],
    AccountClosed: [projections.close_person],
    OrderPaid: [pools.grant_paid_seats],
    OrderApproved: [pools.grant_approved_seats],
    TrainingBegun: [progress.note_training_begun],
    TrainingPassed: [progress.note_training_passed],
}

JOBS = [Job("lapse expired assignments", every=timedelta(minutes=30), run=progress.lapse_expired)]
