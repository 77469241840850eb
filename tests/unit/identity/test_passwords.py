"""Temporary passwords, rules of new ones, delays after failures, hashing in turn."""

from __future__ import annotations

import threading
from datetime import timedelta

import pytest

from libs.contracts.errors import Invalid, Unavailable
from services.identity.adapters.hashing import PasswordHasher, off_hub
from services.identity.model import temporary_password
from services.identity.model.password_rules import check_new_password
from services.identity.model.throttle import Leniency
from tests.support.eventually import eventually

OWN_WORDS = ["elena.dimitrova@broker.example", "Елена", "Димитрова", "Примерен брокер ООД"]


@pytest.fixture(scope="module")
def hasher() -> PasswordHasher:
    return PasswordHasher(memory_kib=64, passes=1, lanes=1, slots=2, queue=2)


def test_temporary_passwords_are_readable_and_hold_sixty_bits_at_least() -> None:
    drawn = {temporary_password.generate() for _ in range(1_000)}
    assert len(drawn) == 1_000
    signs = set("".join(drawn)) - {"-"}
    assert not signs & set("il1o0O")
    bits = sum(len(group) for group in next(iter(drawn)).split("-")) * (
        len(temporary_password.ALPHABET).bit_length() - 1
    )
    assert bits >= 60
    assert signs == set(temporary_password.ALPHABET)


def test_a_temporary_password_is_recognised_however_it_is_typed() -> None:
    password = temporary_password.generate()
    digest = temporary_password.digest_of(password)
    for typed in (password, password.upper(), password.replace("-", ""), f" {password.replace('-', ' ')} "):
        assert temporary_password.matches(digest, typed)
    assert not temporary_password.matches(digest, temporary_password.generate())
    assert not temporary_password.matches(digest, "")
    assert password not in digest
    assert password.replace("-", "") not in digest
    assert digest != temporary_password.digest_of(password), "each digest has its own salt"


@pytest.mark.parametrize(
    ("password", "code"),
    [
        ("elevensigns", "too_short"),
        ("еднаистинскидълга" * 8, "too_long"),
        ("password1234", "too_common"),
        ("P@ssw0rd-2026", "too_common"),
        ("парола123456", "too_common"),
        ("123456789012", "too_common"),
        ("qwertyuiop12", "too_common"),
        ("йцукенгшщзхъ", "too_common"),
        ("aaaaaaaaaaaa", "too_common"),
        ("ababababababab", "too_common"),
        ("Licentia-2026!", "too_common"),
        ("elena.dimitrova1", "too_personal"),
        ("Димитрова!2026", "too_personal"),
        ("Примерен брокер", "too_personal"),
    ],
)
def test_a_guessable_password_is_refused_with_the_reason(password: str, code: str) -> None:
    with pytest.raises(Invalid) as refusal:
        check_new_password(password, own_words=OWN_WORDS)
    assert [(fault.field, fault.code) for fault in refusal.value.faults] == [("new_password", code)]


@pytest.mark.parametrize(
    "password",
    [
        "морски вятър над дюни",
        "correct horse battery staple",
        "tK9vQ2mX7bLp",
        "739105826417",
        "twelve signs",
        "елена пее над тихата река",
        "🦆🐌🦊🐝🦉🐢🐙🦔🐞🦀🐬🦩",
    ],
)
def test_a_long_password_is_let_through_whatever_it_is_made_of(password: str) -> None:
    check_new_password(password, own_words=OWN_WORDS)


def test_delays_begin_after_the_free_failures_double_and_stop_growing() -> None:
    leniency = Leniency(free=10)
    assert [leniency.delay(failures) for failures in (1, 9, 10, 11, 12)] == [
        timedelta(0),
        timedelta(0),
        timedelta(seconds=15),
        timedelta(seconds=30),
        timedelta(seconds=60),
    ]
    assert leniency.delay(1_000_000) == timedelta(minutes=15)


def test_a_hash_is_recognised_in_either_unicode_form(hasher: PasswordHasher) -> None:
    digest = hasher.hash("й" * 12)
    assert digest.startswith("$argon2id$")
    assert hasher.verify(digest, "и\u0306" * 12)
    assert not hasher.verify(digest, "и" * 12)
    assert not hasher.verify("not a digest", "й" * 12)


def test_a_digest_of_other_parameters_is_outdated(hasher: PasswordHasher) -> None:
    stronger = PasswordHasher(memory_kib=128, passes=1, lanes=1, slots=1, queue=1)
    assert not hasher.is_outdated(hasher.hash("a password"))
    assert stronger.is_outdated(hasher.hash("a password"))


def test_more_hashes_than_may_wait_are_refused_as_busy(hasher: PasswordHasher, monkeypatch: pytest.MonkeyPatch) -> None:
    entered, leave = threading.Semaphore(0), threading.Event()

    def slow(_digest: str, _password: str) -> bool:
        entered.release()
        return leave.wait(10)

    monkeypatch.setattr(hasher, "_verify", slow)
    waiting = [threading.Thread(target=hasher.waste, args=("x",)) for _ in range(4)]
    for thread in waiting:
        thread.start()
    for _ in range(2):
        assert entered.acquire(timeout=10)
    eventually(lambda: not hasher._room._value)  # the last two have come to the queue
    with pytest.raises(Unavailable) as refusal:
        hasher.waste("x")
    assert refusal.value.retry_after
    assert not entered.acquire(blocking=False), "no more than two at once"
    leave.set()
    for thread in waiting:
        thread.join(10)
    hasher.waste("x")


def test_without_eventlet_work_is_done_right_here() -> None:
    assert off_hub(threading.get_ident) == threading.get_ident()
