"""What stands in answers that strangers, or many, may read."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import fields
from typing import Any

import pytest

from libs.contracts.certificates import CertificateCheck, Library, LibraryModule, LibraryTraining
from tests.integration.authorisation.world import A, B, World
from tests.support.builders.notifications import PASSWORD

WorldOf = Callable[[str], World]
BY_BROWSER = ("get_sign_in", "cancel_sign_in", "complete_sign_in", "change_issued_password")


def names(contract: type) -> set[str]:
    """The fields of a contract."""
    return {one.name for one in fields(contract)}


def values_of(answer: Any, key: str) -> Iterator[Any]:
    """Every value under this key, however deep."""
    if isinstance(answer, dict):
        if key in answer:
            yield answer[key]
        for inner in answer.values():
            yield from values_of(inner, key)
    if isinstance(answer, list):
        for inner in answer:
            yield from values_of(inner, key)


def test_the_check_tells_of_the_person_no_more_than_the_name(world_of: WorldOf) -> None:
    world = world_of("certificates")
    things = world.things("member_a")

    result = world.ask("check_certificate", {"code": things["check_code"]})["result"]

    assert (result["state"], result["holder"], result["number"]) == (
        "valid",
        things["name"],
        things["certificate_number"],
    )
    assert set(result) == names(CertificateCheck)
    text = json.dumps(result, ensure_ascii=False)
    assert [name for name in ("account", "organisation", "enrolment", "check_code") if things[name] in text] == []


@pytest.mark.parametrize("code", ["number", "wrong code", "number with a foreign code", "nothing like a code"])
def test_the_check_proves_nothing_to_whoever_lacks_the_code(world_of: WorldOf, code: str) -> None:
    world = world_of("certificates")
    ours, theirs = world.things("member_a"), world.things("member_b")
    wrong = ours["check_code"][:-1] + ("2" if ours["check_code"][-1] != "2" else "3")
    typed = {
        "number": ours["certificate_number"],
        "wrong code": wrong,
        "number with a foreign code": f"{ours['certificate_number']} {theirs['check_code']}",
        "nothing like a code": "' OR 1=1 --",
    }[code]

    result = world.ask("check_certificate", {"code": typed})["result"]

    assert result == {**dict.fromkeys(names(CertificateCheck)), "state": "unknown"}


def test_a_number_with_its_own_code_is_found(world_of: WorldOf) -> None:
    world = world_of("certificates")
    things = world.things("member_a")
    typed = f"{things['certificate_number']} {things['check_code']}"

    assert world.ask("check_certificate", {"code": typed})["result"]["state"] == "valid"


def test_the_library_holds_neither_texts_nor_tests(world_of: WorldOf) -> None:
    world = world_of("certificates")

    library = world.ask("list_library", {})["result"]

    assert set(library) == names(Library)
    assert [set(one) for one in library["items"]] == [names(LibraryTraining)]
    assert {key for module in library["items"][0]["modules"] for key in module} == names(LibraryModule)
    text = json.dumps(library)
    assert [words for words in ("Text m1", "Question", "Choice") if words in text] == []


def test_a_module_does_not_tell_which_answers_are_right(world_of: WorldOf) -> None:
    world = world_of("certificates")

    module = world.ask("get_module", world.request("get_module", "member_a"), by="member_a")["result"]

    assert {key for question in module["questions"] for key in question} == {"id", "text", "choices"}
    assert module["questions"]


@pytest.mark.parametrize("which", ["sent", "given_up", "waiting"])
@pytest.mark.parametrize("reader", ["clerk", "finance", "admin"])
def test_no_mail_of_the_register_tells_its_secret(world_of: WorldOf, which: str, reader: str) -> None:
    world = world_of("notifications")
    things = world.things("member_a")

    answers = [
        world.ask("get_mail", {"mail_id": things[which]}, by=reader),
        world.ask("resend_mail", {"mail_id": things[which]}, by=reader),
        world.ask("list_mails", {"account_id": things["account"]}, by=reader),
    ]

    text = json.dumps(answers, ensure_ascii=False)
    assert answers[0]["result"]["text"]
    assert things["address"] in text
    assert PASSWORD not in text
    assert "eyJ" not in text  # how every sealed secret begins


def test_a_blot_stands_where_the_password_stood(world_of: WorldOf) -> None:
    world = world_of("notifications")

    def text_of(which: str) -> str:
        mail = world.ask("get_mail", {"mail_id": world.things("member_a")[which]}, by="clerk")["result"]
        return str(mail["text"])

    assert [PASSWORD in text_of(which) for which in ("sent", "waiting")] == [False, False]
    assert ["••" in text_of(which) or "██" in text_of(which) for which in ("sent", "waiting")] == [True, True]


@pytest.mark.parametrize("method", BY_BROWSER)
def test_a_sign_in_is_its_own_browsers_alone(world_of: WorldOf, method: str) -> None:
    world = world_of("identity")
    stolen = {**world.request(method, "member_a"), "browser_digest": world.of_organisation[B]["newcomer_browser"]}
    missing = {**world.request(method, "absent"), "browser_digest": stolen["browser_digest"]}

    answers = [world.ask(method, content) for content in (stolen, missing)]

    assert answers[0]["error"]["value"]["kind"] == "not_found"
    assert answers[0] == answers[1]


def test_a_browser_learns_of_its_own_sign_in_alone(world_of: WorldOf) -> None:
    world = world_of("identity")

    view = world.ask("get_sign_in", world.request("get_sign_in", "member_a"))["result"]

    theirs = set(world.of_organisation[B].values())
    assert view["id"] == world.of_organisation[A]["newcomer_attempt"]
    assert theirs & {value for value in view.values() if isinstance(value, str)} == set()


@pytest.mark.parametrize("method", ["get_me", "list_people", "list_sessions", "get_sign_in", "list_organisations"])
def test_no_answer_of_identity_holds_a_digest_or_a_password(world_of: WorldOf, method: str) -> None:
    world = world_of("identity")

    answer = world.ask(method, world.request(method, "member_a"), by="admin")

    text = json.dumps(answer, ensure_ascii=False)
    digests = [value for value in world.things("member_a").values() if len(value) == 64]
    assert answer["error"] is None
    assert digests
    assert [one for one in [*digests, "argon2", "sealed", "eyJ"] if one in text] == []
    assert not any(values_of(answer, "password"))


def test_a_wrong_digest_opens_no_session(world_of: WorldOf) -> None:
    world = world_of("identity")

    answer = world.ask("authenticate", {"session_digest": "0" * 64})

    assert answer["error"]["value"]["code"] == "session_ended"
