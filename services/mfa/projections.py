"""What this service remembers of identity's accounts; late, double and disordered events change nothing twice."""

from libs.chassis.operator import load_operator
from libs.chassis.settings import common_settings
from libs.contracts.identity import AccountChanged, AccountClosed, AccountIssued
from libs.messaging.work import Work
from services.mfa.model import KnownAccount, in_international_form

DEFAULT_LANGUAGE = "bg"


def remember_account(work: Work, event: AccountIssued | AccountChanged) -> None:
    """Keeps the phone in international form and the language."""
    account = _newer(work, event)
    if account is not None:
        account.phone = in_international_form(event.phone, load_operator(common_settings().operator).region)
        account.language = event.language


def remember_closing(work: Work, event: AccountClosed) -> None:
    """A closed account gets no push; what was known of its holder is forgotten."""
    account = _newer(work, event)
    if account is not None:
        account.closed = True
        account.phone, account.language = None, DEFAULT_LANGUAGE


def _newer(work: Work, event: AccountIssued | AccountChanged | AccountClosed) -> KnownAccount | None:
    account = work.session.get(KnownAccount, event.account_id, with_for_update=True)
    if account is None:
        account = KnownAccount(account_id=event.account_id, language=DEFAULT_LANGUAGE, closed=False, sequence=0)
        work.session.add(account)
    elif not account.is_older_than(work.sequence):
        return None
    account.sequence = max(account.sequence, work.sequence or 0)
    account.updated_at = work.now()
    return account
