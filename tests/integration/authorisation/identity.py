"""Identity's world: real accounts with sessions, and sign-ins at every step."""

from __future__ import annotations

from pathlib import Path

import pytest

from libs.chassis.clock import ManualClock
from libs.chassis.principal import Principal
from libs.contracts.identity import OrganisationView
from services.identity.rpc import IdentityRpc
from tests.integration.authorisation.world import ACTORS, ROLE_OF, World, a_principal, organisation_of
from tests.support.builders.identity import EIKS, GOOD_PASSWORD, Desk, configure_identity, digest_of
from tests.support.databases import Databases, WorkFor

FAMILY = {"a": "Алфова", "b": "Бетова", None: "Служителска"}


def identity_world(databases: Databases, clock: ManualClock, environment: pytest.MonkeyPatch, _folder: Path) -> World:
    """Everybody has an account with two sessions; in each organisation sign-ins are under way."""
    configure_identity(environment)
    desk = Desk(WorkFor(databases), clock)
    bodies = {
        side: desk.organisation(number, f"Брокер {side}-{number}") for side, number in zip("ab", EIKS, strict=False)
    }
    principals: dict[str, Principal] = {}
    own: dict[str, dict[str, str]] = {}
    for actor in ACTORS:
        principals[actor], own[actor] = _settled(desk, actor, bodies.get(organisation_of(actor) or ""))
    world = World(database=databases("identity"), rpc=IdentityRpc, clock=clock, principals=principals, own=own)
    for side, body in bodies.items():
        world.of_organisation[side] = {
            "organisation": str(body.id),
            "organisation_name": body.name,
            "organisation_number": body.number,
            **_signing_in(desk, side, body),
        }
    world.requests = _REQUESTS
    return world


def _settled(desk: Desk, actor: str, body: OrganisationView | None) -> tuple[Principal, dict[str, str]]:
    email = f"{actor.replace('_', '-')}@broker.example"
    holder = desk.active(
        ROLE_OF[actor], body, family_name=FAMILY[organisation_of(actor)], given_name="Мария", email=email
    )
    token = f"session of {actor}"
    session = desk.signed_in(holder, token)
    principal = a_principal(actor, body.id if body else None, account_id=holder.id, session_id=session.id)
    other = desk.signed_in(holder, f"other session of {actor}")
    return principal, {
        "account": str(holder.id),
        "email": email,
        "session": str(other.id),
        "session_digest": digest_of(token),
    }


def _signing_in(desk: Desk, side: str, body: OrganisationView) -> dict[str, str]:
    """Somebody who must change the issued password first, and somebody who confirmed on the phone."""
    newcomer = desk.issue("member", body, family_name=FAMILY[side])
    begun = desk.begin(newcomer)
    confirmed = desk.active("member", body, family_name=FAMILY[side])
    approved = desk.begin(confirmed)
    desk.approve(approved, confirmed)
    return {
        "newcomer_attempt": str(begun.id),
        "newcomer_browser": digest_of(newcomer.browser),
        "approved_attempt": str(approved.id),
        "approved_browser": digest_of(confirmed.browser),
        "new_session_digest": digest_of(f"new session of {side}"),
    }


def _somebody(name: str) -> dict[str, str]:
    return {
        "given_name": "Петър",
        "family_name": "Новаков",
        "email": f"{name}@broker.example",
        "phone": "+359887654321",
    }


_REQUESTS = {
    "begin_sign_in": lambda t: {
        "login": t["email"],
        "password": GOOD_PASSWORD,
        "browser_digest": digest_of("a new browser"),
    },
    "change_issued_password": lambda t: {
        "sign_in_id": t["newcomer_attempt"],
        "browser_digest": t["newcomer_browser"],
        "new_password": "осем овални орела",
    },
    "get_sign_in": lambda t: {"sign_in_id": t["newcomer_attempt"], "browser_digest": t["newcomer_browser"]},
    "complete_sign_in": lambda t: {
        "sign_in_id": t["approved_attempt"],
        "browser_digest": t["approved_browser"],
        "session_digest": t["new_session_digest"],
    },
    "cancel_sign_in": lambda t: {"sign_in_id": t["newcomer_attempt"], "browser_digest": t["newcomer_browser"]},
    "authenticate": lambda t: {"session_digest": t["session_digest"]},
    "list_sessions": lambda _: {},
    "end_session": lambda t: {"session_id": t["session"]},
    "end_other_sessions": lambda _: {},
    "change_password": lambda _: {"current_password": GOOD_PASSWORD, "new_password": "девет дървени делфина"},
    "get_me": lambda _: {},
    "set_language": lambda _: {"language": "en"},
    "check_people": lambda t: {"organisation_id": t["organisation"], "people": [_somebody("new")]},
    "add_people": lambda t: {"organisation_id": t["organisation"], "people": [_somebody("new")]},
    "list_people": lambda t: {"organisation_id": t["organisation"]},
    "issue_account": lambda t: {**_somebody("new"), "role": "member", "organisation_id": t["organisation"]},
    "correct_person": lambda t: {"account_id": t["account"], **_somebody("corrected")},
    "reissue_password": lambda t: {"account_id": t["account"]},
    "close_account": lambda t: {"account_id": t["account"]},
    "register_organisation": lambda _: {
        "name": "Нов брокер ЕООД",
        "number": EIKS[2],
        "address": "Пловдив",
    },
    "correct_organisation": lambda t: {
        "organisation_id": t["organisation"],
        "name": "Преименуван брокер ЕООД",
        "address": "Варна",
    },
    "get_organisation": lambda t: {"organisation_id": t["organisation"]},
    "list_organisations": lambda _: {},
}
