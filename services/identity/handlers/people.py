"""People of an organisation, row by row: checked, then added."""

from libs.contracts.identity import AddedPeople, AddPeople, CheckPeople, PeopleCheck, PersonRow
from libs.messaging.work import Work
from services.identity.adapters.hashing import off_hub
from services.identity.handlers.issuing import new_password
from services.identity.handlers.loading import reserve_addresses, the_organisation
from services.identity.model import Account
from services.identity.model.people import check_rows, mark_taken, person_of, refused, summary
from services.identity.queries import person_view, taken_addresses
from services.identity.settings import operator

CARETAKERS = ("clerk", "admin")
AT_ONCE = 250
"""Accounts written together; between two lots others get their turn."""


def check(work: Work, query: CheckPeople) -> PeopleCheck:
    """Check rows; nothing is saved."""
    work.caller.require_manager_of(query.organisation_id, or_staff=CARETAKERS)
    the_organisation(work, query.organisation_id)
    return summary(_checked(work, query))


def add(work: Work, command: AddPeople) -> AddedPeople:
    """Create an account for each good row; one bad row refuses all unless only the good ones are wanted."""
    work.caller.require_manager_of(command.organisation_id, or_staff=CARETAKERS)
    the_organisation(work, command.organisation_id)
    reserve_addresses(work)
    rows = _checked(work, command)
    bad = [row for row in rows if row.faults]
    if bad and not command.only_good:
        raise refused(bad)
    good = [row for row in rows if not row.faults]
    accounts = [
        account
        for start in range(0, len(good), AT_ONCE)
        for account in _create(work, command, good[start : start + AT_ONCE])
    ]
    return AddedPeople(added=[person_view(account) for account in accounts], refused=bad)


def _checked(work: Work, request: CheckPeople | AddPeople) -> list[PersonRow]:
    rows = off_hub(check_rows, request.people, operator().region)
    mark_taken(rows, taken_addresses(work, {row.values.email for row in rows if row.values.email}))
    return rows


def _create(work: Work, command: AddPeople, rows: list[PersonRow]) -> list[Account]:
    passwords = off_hub(lambda: [new_password() for _ in rows])
    accounts = [
        Account.issue(
            person_of(row),
            login=row.values.email,
            role="member",
            organisation_id=command.organisation_id,
            language=operator().languages[0],
            password=password,
            now=work.now(),
        )
        for row, password in zip(rows, passwords, strict=True)
    ]
    work.session.add_all(accounts)
    work.session.flush()
    return accounts
