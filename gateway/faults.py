"""Fault codes as sentences for people. No code is ever shown.

``sentence`` answers for one code; ``refused`` puts what a service refused onto a form, beside its fields.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from flask_babel import gettext, lazy_gettext as _l
from flask_babel.speaklater import LazyString
from wtforms import Form as AnyForm

from libs.contracts.errors import Conflict, Invalid, RateLimited, ServiceError

SENTENCES: dict[str, LazyString] = {
    "already_passed": _l("This has been passed already."),
    "already_signed_in": _l("This sign-in has been used already. Please begin again."),
    "command_id_reused": _l("This form was sent before with other data. Open it again to send another."),
    "conflict": _l("This is not possible in the present state. Open the page again and look."),
    "credentials_wrong": _l("The name or the password is not right."),
    "current_password_wrong": _l("The present password is not right."),
    "forbidden": _l("You may not do this."),
    "idempotency_key_reused": _l("This form was sent before with other data. Open it again to send another."),
    "invalid": _l("Some of the data is not valid."),
    "issued_password_expired": _l("The issued password is no longer valid. Ask for a new one."),
    "not_a_boolean": _l("Choose yes or no."),
    "not_a_choice": _l("Choose one of the offered values."),
    "not_a_date": _l("Enter a date."),
    "not_a_decimal": _l("Enter a number."),
    "not_a_name": _l("A name may not hold these characters."),
    "not_a_phone": _l("This is not a phone number."),
    "not_a_whole_number": _l("Enter a whole number."),
    "not_an_email": _l("This is not an e-mail address."),
    "not_an_organisation_number": _l("This is not a valid organisation number."),
    "not_enough_seats": _l("There are fewer unused seats than people chosen."),
    "not_found": _l("We could not find this."),
    "not_valid": _l("This is not valid."),
    "out_of_range": _l("This value is too small or too large."),
    "page_too_old": _l("This page is too old. Open it again and repeat what you wanted to do."),
    "password_common": _l("This password is on a list of much used ones. Choose another."),
    "password_same": _l("The new password must differ from the present one."),
    "password_too_long": _l("The password is too long."),
    "password_too_short": _l("The password is too short."),
    "rate_limited": _l("Too many attempts. Please wait a little."),
    "repeated": _l("This is entered more than once."),
    "required": _l("Please fill this in."),
    "sign_in_over": _l("This sign-in is over. Please begin again."),
    "taken": _l("This is already in use."),
    "too_long": _l("This is too long."),
    "too_short": _l("This is too short."),
    "unauthenticated": _l("Please sign in."),
    "unavailable": _l("A part we need does not answer. Nothing is lost; please try again in a minute."),
    "unknown_sku": _l("There is no such product in the catalogue."),
    "wrong_length": _l("This is too long or too short."),
}
"""Code → sentence; journeys add theirs with ``SENTENCES.update`` in a ``faults.py`` of their own."""


def sentence(code: str, params: Mapping[str, Any] | None = None, message: str = "") -> str:
    """The sentence for a code in the reader's language; an unknown code falls back to the service's English message."""
    found = SENTENCES.get(code)
    if found is None:
        return message or gettext("This is not valid.")
    text = str(found)
    try:
        return text % dict(params) if params and "%(" in text else text
    except (KeyError, TypeError, ValueError):
        return text


def sentence_of(error: ServiceError) -> str:
    """The sentence for a whole error."""
    return sentence(error.code, error.params, error.message)


def text_of(faults: Any) -> str:
    """The first sentence among a field's faults; empty where they belong to the field's parts."""
    first = faults[0] if isinstance(faults, list | tuple) and faults else None
    return str(first) if isinstance(first, str | LazyString) else ""


def _field(form: AnyForm, path: str, names: Mapping[str, str]) -> Any:
    name = names.get(path, path)
    for candidate in (name, name.rpartition(".")[2], name.partition(".")[0]):
        if candidate in form:
            return form[candidate]
    return None


def show(error: ServiceError, form: AnyForm, **names: str) -> None:
    """Put an error onto a form: faults beside their fields, all else into the summary at the top.

    ``names`` maps a fault's field path to the form's field name where the two differ (dots written as ``__``).
    """
    by_path = {path.replace("__", "."): name for path, name in names.items()}
    for fault in error.faults:
        field = _field(form, fault.field, by_path)
        text = sentence(fault.code, fault.params)
        if field is None:
            form.form_errors.append(text)
        elif isinstance(field.errors, tuple):
            field.errors = [text]
        else:
            field.errors.append(text)
    if not error.faults:
        form.form_errors.append(sentence_of(error))


@contextmanager
def refused(form: AnyForm, **names: str) -> Iterator[None]:
    """Show on the form what a service refuses inside the block; the view then goes on to render the form again."""
    try:
        yield
    except (Invalid, Conflict, RateLimited) as error:
        show(error, form, **names)
