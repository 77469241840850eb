"""The world of each service, built once by the services' own deeds."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from uuid import UUID

import pytest

from libs.chassis.clock import ManualClock
from libs.chassis.ids import new_id
from libs.chassis.operator import load_operator
from libs.contracts.certificates import RequestArchive
from libs.contracts.identity import SignInAwaitingFactor
from libs.contracts.orders import NewOrderLine, PlaceOrder
from services.certificates.handlers import archiving
from services.certificates.rpc import CertificatesRpc
from services.licensing.rpc import LicensingRpc
from services.licensing.worker import SUBSCRIPTIONS as OF_LICENSING
from services.mfa.rpc import MfaRpc
from services.mfa.worker import SUBSCRIPTIONS as OF_MFA
from services.notifications.rpc import NotificationsRpc
from services.orders import settings as orders_settings
from services.orders.handlers import catalogue, documents, placing
from services.orders.rpc import OrdersRpc
from tests.integration.authorisation.identity import identity_world
from tests.integration.authorisation.world import ACTORS, ROLE_OF, World, organisation_of, strangers
from tests.support.builders import licensing as seats
from tests.support.builders import notifications as mails
from tests.support.builders.certificates import Academy, Learner, chosen, configure_certificates
from tests.support.builders.dead_letters import a_letter, keep_letters
from tests.support.builders.events import deliver
from tests.support.builders.orders import LICENCE, Shop, use_operator
from tests.support.builders.statements import Transfer, camt
from tests.support.databases import Databases

SIDES = ("a", "b")
NAMES = {"a": "Застрахователен брокер Алфа ООД", "b": "Застрахователен брокер Бета АД"}
"""Organisations whose names tell, wherever they turn up, whose data that is."""

Builder = Callable[[Databases, ManualClock, pytest.MonkeyPatch, Path], World]


def orders_world(databases: Databases, clock: ManualClock, environment: pytest.MonkeyPatch, folder: Path) -> World:
    """Each organisation has an order with a proforma and one that awaits approval; a transfer waits for finance."""
    environment.setenv("DOCUMENTS_URL", folder.as_uri())
    orders_settings.settings.cache_clear()
    orders_settings.store.cache_clear()
    use_operator(environment, "demo")
    shop = Shop(databases("orders"))
    with shop.database.open_work() as work:
        catalogue.publish_products(work, load_operator("demo"))
    buyers = {side: shop.buyer(NAMES[side]) for side in SIDES}
    people = strangers({side: buyer.organisation_id for side, buyer in buyers.items()})
    world = World(database=shop.database, rpc=OrdersRpc, clock=clock, principals=people)
    for side, registered in buyers.items():
        buyer = replace(registered, manager=people[f"manager_{side}"])
        order = shop.order(buyer, (LICENCE, 2))
        uploaded = shop.statement(
            camt([Transfer(texts=[f"Фактура на {NAMES[side]}"], payer=NAMES[side])], statement_id=f"S-{side}")
        )
        transfer = next(one for one in shop.transactions() if one.statement_id == uploaded.id)
        world.of_organisation[side] = {
            "organisation": str(buyer.organisation_id),
            "organisation_name": NAMES[side],
            "order": str(order.id),
            "order_number": order.number,
            "order_reference": order.payment.reference if order.payment else "",
            "statement": str(uploaded.id),
            "transaction": str(transfer.id),
        }
    while documents.issue_proformas(world.database.open_work):
        continue
    use_operator(environment, "ministry")
    for side in SIDES:
        with world.database.open_work(principal=world.principals[f"manager_{side}"]) as work:
            command = PlaceOrder(
                organisation_id=UUID(world.of_organisation[side]["organisation"]),
                lines=[NewOrderLine(sku=LICENCE, quantity=1)],
            )
            world.of_organisation[side]["waiting_order"] = str(placing.place_order(work, command).id)
    use_operator(environment, "demo")
    world.requests = {
        "list_products": lambda _: {},
        "place_order": lambda t: {
            "organisation_id": t["organisation"],
            "lines": [{"sku": LICENCE, "quantity": 3}],
            "language": "en",
        },
        "cancel_order": lambda t: {"order_id": t["order"]},
        "approve_order": lambda t: {"order_id": t["waiting_order"]},
        "decline_order": lambda t: {"order_id": t["waiting_order"], "reason": "Бюджетът е изчерпан."},
        "get_order": lambda t: {"order_id": t["order"]},
        "list_orders": lambda t: {"organisation_id": t["organisation"]},
        "get_order_document": lambda t: {"order_id": t["order"], "kind": "proforma"},
        "import_bank_statement": lambda _: {"key": "uploads/statement", "filename": "statement.xml", "size": 10},
        "get_bank_statement": lambda t: {"statement_id": t["statement"]},
        "list_bank_statements": lambda _: {},
        "list_bank_transactions": lambda t: {"statement_id": t["statement"]},
        "match_bank_transaction": lambda t: {"transaction_id": t["transaction"], "order_number": t["order_number"]},
        "discard_bank_transaction": lambda t: {"transaction_id": t["transaction"], "note": "Погрешен превод."},
    }
    return world


def certificates_world(
    databases: Databases, clock: ManualClock, environment: pytest.MonkeyPatch, folder: Path
) -> World:
    """Everybody has a training of which a module was read; members have certificates; each organisation an archive."""
    configure_certificates(environment, folder)
    world = World(database=databases("certificates"), rpc=CertificatesRpc, clock=clock, principals=strangers())
    academy = Academy(database=world.database)
    academy.load()
    for side in SIDES:
        manager = world.principals[f"manager_{side}"]
        assert manager.organisation_id is not None
        with world.database.open_work(principal=manager) as work:
            archive = archiving.request_archive(work, RequestArchive(organisation_id=manager.organisation_id))
        world.of_organisation[side] = {"organisation": str(manager.organisation_id), "archive": str(archive.id)}
    for actor, principal in world.principals.items():
        learner = Learner(
            account_id=principal.account_id,
            organisation_id=principal.organisation_id or new_id(),
            name=f"Лице {actor.replace('_', '-')}",
        )
        academy.hear_name(learner, learner.name)
        enrolment_id = academy.enrol(learner, chosen("m1", "m2"))
        academy.read(learner, enrolment_id, "m1")
        world.own[actor] = {
            "account": str(learner.account_id),
            "name": learner.name,
            "enrolment": str(enrolment_id),
        }
        if ROLE_OF[actor] == "member":
            number = academy.certify(learner, chosen("m3"))
            certificate = academy.certificate(number, principal)
            world.own[actor] |= {"certificate_number": number, "check_code": certificate.check_code}
    answers = {
        str(enrolment_id): [
            {"question_id": one.question_id, "choice": one.choice}
            for one in academy.right_answers(UUID(enrolment_id), "m1")
        ]
        for enrolment_id in (things["enrolment"] for things in world.own.values())
    }
    world.requests = {
        "list_my_trainings": lambda _: {},
        "get_my_training": lambda t: {"enrolment_id": t["enrolment"]},
        "get_module": lambda t: {"enrolment_id": t["enrolment"], "code": "m2", "language": "en"},
        "submit_test": lambda t: {
            "enrolment_id": t["enrolment"],
            "code": "m1",
            "answers": answers.get(t["enrolment"], []),
        },
        "complete_module": lambda t: {"enrolment_id": t["enrolment"], "code": "m2", "score": 90},
        "list_library": lambda _: {},
        "list_results": lambda t: {"organisation_id": t["organisation"]},
        "get_certificate": lambda t: {"number": t["certificate_number"]},
        "check_certificate": lambda t: {"code": t["check_code"]},
        "revoke_certificate": lambda t: {"number": t["certificate_number"], "reason": "issued_in_error"},
        "request_archive": lambda t: {"organisation_id": t["organisation"]},
        "get_archive": lambda t: {"archive_id": t["archive"]},
    }
    world.refusals = {"complete_module": "test_required"}
    return world


def licensing_world(databases: Databases, clock: ManualClock, _environment: pytest.MonkeyPatch, _folder: Path) -> World:
    """Each organisation has seats of one training, people who hold one, and somebody who holds none yet."""
    world = World(database=databases("licensing"), rpc=LicensingRpc, clock=clock, principals=strangers())
    training = seats.a_training()
    for side in SIDES:
        manager = world.principals[f"manager_{side}"]
        assert manager.organisation_id is not None
        firm = seats.Broker(database=world.database, id=manager.organisation_id)
        firm.manager = manager
        firm.bought(training, 10)
        holders = [actor for actor in ACTORS if organisation_of(actor) == side]
        for actor in holders:
            account_id = world.principals[actor].account_id
            deliver(world.database, OF_LICENSING, seats.a_person(firm.id, account_id))
            (assignment,) = firm.assigns(training, [account_id]).items
            world.own[actor] = {"account": str(account_id), "assignment": str(assignment.id)}
        world.of_organisation[side] = {"organisation": str(firm.id), "newcomer": str(firm.employs(1)[0])}
    world.requests = {
        "assign": lambda t: {
            "organisation_id": t["organisation"],
            "sku": training.sku,
            "people": [{"account_id": t["newcomer"]}],
        },
        "withdraw_assignment": lambda t: {"assignment_id": t["assignment"]},
        "list_licences": lambda t: {"organisation_id": t["organisation"]},
        "get_licence": lambda t: {"organisation_id": t["organisation"], "sku": training.sku},
        "list_assignments": lambda t: {"organisation_id": t["organisation"]},
        "list_my_assignments": lambda _: {},
    }
    return world


def mfa_world(databases: Databases, clock: ManualClock, _environment: pytest.MonkeyPatch, _folder: Path) -> World:
    """Members have a challenge each."""
    world = World(database=databases("mfa"), rpc=MfaRpc, clock=clock, principals=strangers())
    for side in SIDES:
        principal = world.principals[f"member_{side}"]
        deliver(world.database, OF_MFA, mails.an_account(principal.account_id, login=f"member-{side}"))
        asked = SignInAwaitingFactor(
            sign_in_id=new_id(),
            account_id=principal.account_id,
            code="47",
            expires_at=clock.now() + timedelta(minutes=5),
        )
        deliver(world.database, OF_MFA, asked)
        world.own[f"member_{side}"] = {"account": str(principal.account_id), "sign_in": str(asked.sign_in_id)}
    world.requests = {"list_challenges": lambda t: {"account_id": t["account"]}}
    return world


def notifications_world(
    databases: Databases, clock: ManualClock, environment: pytest.MonkeyPatch, folder: Path
) -> World:
    """Members have mails each: one with a password that was sent, one that was given up, one that still waits."""
    world = World(database=databases("notifications"), rpc=NotificationsRpc, clock=clock, principals=strangers())
    with mails.mail_room(world.database, folder, environment, OPERATOR="demo") as room:
        for side in SIDES:
            account_id = world.principals[f"member_{side}"].account_id
            address = f"gone-{side}@broker.example"
            room.hear(mails.an_account(account_id, email=address, password_expires_at=clock.now() + timedelta(days=14)))
            room.send()
            room.inbox.behaviour.refused_recipients = (address,)
            about = mails.events_about(account_id)
            room.hear(about["order_declined"])
            room.send()
            room.hear(about["password_reissued"])
            found = {mail.template: str(mail.id) for mail in room.mails() if mail.account_id == account_id}
            world.own[f"member_{side}"] = {
                "account": str(account_id),
                "address": address,
                "sent": found["account_issued"],
                "given_up": found["order_declined"],
                "waiting": found["password_reissued"],
            }
    world.requests = {
        "list_mails": lambda _: {},
        "get_mail": lambda t: {"mail_id": t["sent"]},
        "resend_mail": lambda t: {"mail_id": t["given_up"]},
    }
    return world


def with_dead_letters(world: World) -> World:
    """The same, and a letter that was given up on: it is nobody's but the operator's."""
    (letter,) = keep_letters(world.database.open_work, a_letter(queue=f"{world.rpc.name}.events"))
    world.requests |= {
        "list_dead_letters": lambda _: {},
        "get_dead_letter": lambda _: {"letter_id": str(letter)},
        "replay_dead_letters": lambda _: {"letter_ids": [str(letter)]},
        "discard_dead_letters": lambda _: {"letter_ids": [str(letter)], "note": "По искане на клиента."},
    }
    return world


WORLDS: dict[str, Builder] = {
    "certificates": certificates_world,
    "identity": identity_world,
    "licensing": licensing_world,
    "mfa": mfa_world,
    "notifications": notifications_world,
    "orders": orders_world,
}
