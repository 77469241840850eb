"""Every mail in every language, with the data of a real day."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from html.parser import HTMLParser
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from jinja2 import UndefinedError

from libs.chassis.ids import new_id
from libs.chassis.operator import load_operator
from libs.contracts.base import Event, dump
from libs.contracts.certificates import CertificateRevoked
from libs.contracts.identity import PasswordChanged
from libs.contracts.licensing import AssignmentWithdrawn, SeatAssigned
from services.notifications.adapters.templates import TEMPLATES, Reader, Worded, mail_names, word
from services.notifications.handlers.mails import NOT_KEPT
from services.notifications.worker import SUBSCRIPTIONS
from tests.support.builders.notifications import PASSWORD, events_about

LANGUAGES = ("bg", "en")
TRANSFER = ("Учебен център Пример ЕООД", "BG80 BNBG 9661 1020 3456 78", "BNBGBGSD", "RF18 5390 0754 7034")
EVENTS = events_about(new_id())


def reader(language: str = "bg", **changes: str) -> Reader:
    usual = {"given_name": "Елена", "family_name": "Димитрова", "login": "elena", "language": language}
    return Reader(**{**usual, **changes})


def context_of(event: Event) -> dict[str, Any]:
    kept = {name: value for name, value in dump(event).items() if name not in NOT_KEPT}
    return {**kept, "happened_at": datetime(2026, 3, 5, 22, 15, tzinfo=UTC).isoformat()}


def worded(
    name: str,
    language: str = "bg",
    *,
    event: Event | None = None,
    context: Mapping[str, Any] | None = None,
    **reading: str,
) -> Worded:
    return word(
        name,
        reader=reader(language, **reading),
        context=context or context_of(event or EVENTS[name]),
        operator=load_operator("academy"),
        portal="https://portal.example",
        zone=ZoneInfo("Europe/Sofia"),
        secret=PASSWORD,
    )


class Outline(HTMLParser):
    """Notes unclosed tags and headings."""

    VOID = frozenset({"meta", "br", "img", "hr", "link"})

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.headings = 0
        self.faults: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in self.VOID:
            self.open.append(tag)
        self.headings += tag == "h1"
        if tag in ("script", "style", "link", "img"):
            self.faults.append(f"<{tag}> does not belong into a mail")

    def handle_endtag(self, tag: str) -> None:
        if not self.open or self.open.pop() != tag:
            self.faults.append(f"</{tag}> closes something else")


def test_every_mail_is_caused_by_an_event_and_every_such_event_has_its_mail() -> None:
    caused = {
        handler.__name__
        for handlers in SUBSCRIPTIONS.values()
        for handler in handlers  # type: ignore[union-attr]
        if handler.__module__.endswith(".handlers.mails")
    }
    assert caused == set(mail_names()) == set(EVENTS)


@pytest.mark.parametrize("name", mail_names())
def test_every_mail_has_all_its_parts_in_every_language_and_nothing_else(name: str) -> None:
    parts = {f"{part}.{language}.j2" for part in ("subject", "text", "html") for language in LANGUAGES}
    assert {path.name for path in (TEMPLATES / name).iterdir()} == parts


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("name", mail_names())
def test_every_mail_is_whole(name: str, language: str) -> None:
    mail = worded(name, language)

    assert mail.subject
    assert mail.subject == " ".join(mail.subject.split())
    assert len(mail.subject) <= 100
    operator = load_operator("academy")
    for body in (mail.text, mail.html):
        assert "Елена" in body
        assert operator.name[language] in body
        assert operator.support.email in body
        assert operator.support.phone in body
        for slip in ("{{", "}}", "{%", "None", "Undefined", "&amp;amp;", "&lt;p", "Markup"):
            assert slip not in body
    assert "<" not in mail.text
    assert "\n\n\n\n" not in mail.text
    outline = Outline()
    outline.feed(mail.html)
    assert (outline.open, outline.faults, outline.headings) == ([], [], 1)
    assert f'<html lang="{language}">' in mail.html


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("name", mail_names())
def test_every_mail_is_written_in_the_language_it_claims(name: str, language: str) -> None:
    cyrillic = sum("а" <= letter.lower() <= "я" for letter in worded(name, language).text)
    latin = sum("a" <= letter.lower() <= "z" for letter in worded(name, language).text)

    assert (cyrillic > latin) == (language == "bg")


@pytest.mark.parametrize("missing", ["payment", "number", "order_id"])
def test_a_missing_variable_is_an_error_and_never_a_gap_in_a_letter(missing: str) -> None:
    context = context_of(EVENTS["proforma_issued"])
    del context[missing]

    with pytest.raises(UndefinedError, match=missing):
        worded("proforma_issued", context=context)


@pytest.mark.story("INS-15", "MON-08")
@pytest.mark.parametrize("language", LANGUAGES)
def test_sign_in_data_name_portal_login_password_and_the_way_with_the_phone(language: str) -> None:
    mail = worded("account_issued", language)

    for body in (mail.text, mail.html):
        for needed in (
            "https://portal.example",
            "elena",
            PASSWORD,
            "Evrotrust",
            "https://portal.example/how-to-register",
        ):
            assert needed in body


@pytest.mark.story("INS-05")
@pytest.mark.parametrize(
    ("language", "amount", "due"),
    [("bg", "1\xa0240,40\xa0€", "19 март 2026"), ("en", "€1,240.40", "19 March 2026")],
)
def test_the_transfer_data_are_whole_and_as_the_reader_writes_them(language: str, amount: str, due: str) -> None:
    mail = worded("proforma_issued", language)

    for body in (mail.text, mail.html):
        for needed in (
            "Учебен център Пример ЕООД",
            "BG80 BNBG 9661 1020 3456 78",
            "BNBGBGSD",
            "RF18 5390 0754 7034",
            amount,
            due,
        ):
            assert needed in body


@pytest.mark.story("INS-34")
def test_a_training_is_told_with_its_modules_and_hours() -> None:
    mail = worded("seat_assigned")

    assert "Ново обучение в профила Ви: Поддържащо обучение, 15 часа" in mail.subject
    for body in (mail.text, mail.html):
        for needed in ("Право", "Щети", "7 ч. 30 мин.", "15 ч.", "5 март 2027"):
            assert needed in body


def test_a_counted_licence_is_told_without_modules() -> None:
    training = EVENTS["seat_assigned"]
    assert isinstance(training, SeatAssigned)
    licence = replace(training, kind="seats", product_name={"bg": "Microsoft 365", "en": "Microsoft 365"}, modules=[])

    mail = worded("seat_assigned", event=licence)

    assert mail.subject == "Получихте лиценз: Microsoft 365"
    assert "Модули" not in mail.text + mail.html


def test_moments_are_told_by_the_clock_on_the_readers_wall() -> None:
    changed = PasswordChanged(account_id=new_id(), first=False)

    # 22:15 in UTC is a quarter past midnight in Sofia
    assert "6 март 2026, 00:15" in worded("password_changed", event=changed).text
    assert "6 March 2026, 00:15" in worded("password_changed", "en", event=changed).text


@pytest.mark.parametrize("reason", ["issued_in_error", "fraud", "holder_request", "training_annulled"])
@pytest.mark.parametrize("language", LANGUAGES)
def test_every_reason_of_a_revocation_is_said_in_words(language: str, reason: str) -> None:
    revoked = EVENTS["certificate_revoked"]
    assert isinstance(revoked, CertificateRevoked)

    mail = worded("certificate_revoked", language, event=replace(revoked, reason=reason))

    assert reason not in mail.text + mail.html


@pytest.mark.parametrize("kind", ["training", "seats"])
@pytest.mark.parametrize("language", LANGUAGES)
def test_a_withdrawal_tells_trainings_from_licences(language: str, kind: str) -> None:
    withdrawn = EVENTS["assignment_withdrawn"]
    assert isinstance(withdrawn, AssignmentWithdrawn)

    mail = worded("assignment_withdrawn", language, event=replace(withdrawn, kind=kind))

    about_training = ("обучение", "training")
    assert any(noun in mail.subject.casefold() for noun in about_training) == (kind == "training")


def test_what_people_typed_is_escaped_in_html_and_left_alone_in_text() -> None:
    mail = worded("order_declined", given_name="<b>Елена</b> & Ко")

    assert "<b>" not in mail.html
    assert "&lt;b&gt;Елена&lt;/b&gt; &amp; Ко" in mail.html
    assert "<b>Елена</b> & Ко" in mail.text


def test_a_reason_of_several_lines_does_not_break_the_subject() -> None:
    mail = worded(
        "order_cancelled", context={**context_of(EVENTS["order_cancelled"]), "number": "1\r\nBcc: x@evil.example"}
    )

    assert "\n" not in mail.subject
    assert "\r" not in mail.subject
