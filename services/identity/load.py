"""Loads the demo organisations and accounts of an operator: ``python -m services.identity.load demo``.

A second run changes nothing. Issued passwords are told once, by the run that issued them: on standard output as JSON
and, with ``--accounts-file``, in a file that only its owner may read.
"""

import argparse
import json
import os
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.orm import selectinload

from libs.chassis.database import create_engine, session_factory
from libs.chassis.operator import OperatorInvalid, load_operator
from libs.contracts.errors import ServiceError
from libs.contracts.identity import IssueAccount, RegisterOrganisation
from libs.messaging.work import Work, WorkFactory, work_factory
from services.identity.handlers import accounts, organisations
from services.identity.handlers.issuing import issued
from services.identity.handlers.loading import reserve_addresses
from services.identity.model import Account, temporary_password
from services.identity.model.account import folded

SHOWN = ("login", "given_name", "family_name", "email", "phone", "role", "organisation")
DATABASE_URL = "IDENTITY_DATABASE_URL"


def load_demo(open_work: WorkFactory, demo: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Load what is missing; each account as it was described, with ``password`` where it was issued just now."""
    with open_work() as work:
        reserve_addresses(work)
        bodies = {one["key"]: _organisation(work, one) for one in demo.get("organisations", ())}
        return [_account(work, one, bodies) for one in demo.get("accounts", ())]


def still_valid(open_work: WorkFactory) -> Callable[[str, str], bool]:
    """Tells whether an issued password that was written down earlier may still be used."""

    def check(login: str, password: str) -> bool:
        with open_work(read_only=True) as work:
            account = _by_login(work, login)
            return (
                account is not None
                and temporary_password.is_temporary(account.credential.digest)
                and temporary_password.matches(account.credential.digest, password)
            )

    return check


def write_accounts(path: Path, loaded: list[dict[str, Any]], valid: Callable[[str, str], bool]) -> None:
    """Write the accounts with the passwords that may still be used, and no others."""
    known = {one["login"]: one for one in json.loads(path.read_text(encoding="utf-8"))} if path.exists() else {}
    for one in loaded:
        earlier = known.get(one["login"], {}).get("password")
        if "password" not in one and earlier and valid(one["login"], earlier):
            one = {**one, "password": earlier}
        known[one["login"]] = one
    path.touch(mode=0o600)
    path.chmod(0o600)
    path.write_text(json.dumps(list(known.values()), ensure_ascii=False, indent=2) + "\n", encoding="utf-8")


def main(arguments: list[str] | None = None) -> int:
    """Load the demo part of a preset; exit code 1 with one sentence where that is impossible."""
    parser = argparse.ArgumentParser(prog="python -m services.identity.load", description=__doc__)
    parser.add_argument("preset", help="an operator of config/operators, or a path")
    parser.add_argument("--accounts-file", type=Path, help="where to write the accounts, besides standard output")
    chosen = parser.parse_args(arguments)
    try:
        demo, url = load_operator(chosen.preset).demo, os.environ[DATABASE_URL]
    except OperatorInvalid as error:
        sys.stderr.write(f"{error}\n")
        return 1
    except KeyError:
        sys.stderr.write(f"{DATABASE_URL} is not set.\n")
        return 1
    engine = create_engine(url, pool_size=2, application_name="identity-load")
    open_work = work_factory(session_factory(engine))
    try:
        loaded = load_demo(open_work, demo)
    except ServiceError as error:
        sys.stderr.write(f"The demo accounts of {chosen.preset} cannot be loaded: {error.code} {error.faults}\n")
        return 1
    if chosen.accounts_file:
        write_accounts(chosen.accounts_file, loaded, still_valid(open_work))
    engine.dispose()
    sys.stdout.write(json.dumps(loaded, ensure_ascii=False) + "\n")
    return 0


def _organisation(work: Work, described: Mapping[str, str]) -> UUID:
    known = organisations.by_number(work, described["country"], described["number"])
    if known:
        return known.id
    data = {key: value for key, value in described.items() if key != "key"}
    return organisations.enter(work, RegisterOrganisation(**data)).id


def _account(work: Work, described: Mapping[str, str], bodies: Mapping[str, UUID]) -> dict[str, Any]:
    shown = {key: described[key] for key in SHOWN if key in described}
    if _by_login(work, described["login"]):
        return shown
    password = temporary_password.generate()
    data = {key: value for key, value in described.items() if key != "organisation"}
    body = bodies[described["organisation"]] if "organisation" in described else None
    accounts.issue_with(work, IssueAccount(**data, organisation_id=body), issued(password))
    return {**shown, "password": password}


def _by_login(work: Work, login: str) -> Account | None:
    wanted = select(Account).where(func.lower(Account.login) == folded(login))
    return work.session.scalars(wanted.options(selectinload(Account.credential))).one_or_none()


if __name__ == "__main__":
    sys.exit(main())
