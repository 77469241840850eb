"""What this service hears, and what time makes it do."""

from datetime import timedelta
from functools import cache

from libs.contracts.identity import (
    AccountChanged,
    AccountClosed,
    AccountIssued,
    SignInAwaitingFactor,
    SignInReported,
    SignInSettled,
)
from libs.messaging.work import WorkFactory
from libs.messaging.worker import Job, Subscriptions
from services.mfa import projections
from services.mfa.adapters.callbacks import Door
from services.mfa.adapters.evrotrust import Evrotrust
from services.mfa.adapters.push import PushProvider
from services.mfa.handlers import asking, ending, looking, sign_ins
from services.mfa.settings import mfa_settings

SUBSCRIPTIONS: Subscriptions = {
    AccountIssued: projections.remember_account,
    AccountChanged: projections.remember_account,
    AccountClosed: projections.remember_closing,
    SignInAwaitingFactor: sign_ins.request_challenge,
    SignInSettled: sign_ins.end_challenge,
    SignInReported: sign_ins.report_challenge,
}


door = Door()


@cache
def provider() -> PushProvider:
    """This process's one client of the push provider."""
    return Evrotrust(mfa_settings())


def _look(open_work: WorkFactory) -> bool:
    return looking.look_at_due(open_work, provider())


def _ask(open_work: WorkFactory) -> bool:
    return asking.ask_due(open_work, provider())


def _withdraw(open_work: WorkFactory) -> bool:
    return ending.withdraw_due(open_work, provider())


def _listen(open_work: WorkFactory) -> None:
    door.open(mfa_settings(), lambda transaction_id: looking.look_soon(open_work, transaction_id))


JOBS = [
    Job("ask", every=timedelta(seconds=1), run=_ask, transactional=False),
    Job("look", every=timedelta(milliseconds=500), run=_look, transactional=False),
    Job("expire", every=timedelta(milliseconds=500), run=ending.expire_due, transactional=False),
    Job("withdraw", every=timedelta(seconds=2), run=_withdraw, transactional=False),
    Job("listen", every=timedelta(seconds=30), run=_listen, transactional=False),
]
