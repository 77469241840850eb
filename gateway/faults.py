"""Fault codes as sentences for people. No code is ever shown.

``sentence`` answers for one code; ``refused`` puts what a service refused onto a form, beside its fields.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import Any

from flask_babel import gettext, ngettext
from flask_babel import lazy_gettext as _l
from flask_babel.speaklater import LazyString
from wtforms import Form as AnyForm

from libs.contracts.errors import Conflict, Invalid, RateLimited, ServiceError

SENTENCES: dict[str, LazyString] = {
    "account_closed": _l("This account is closed."),
    "cannot_resend": _l("Only a mail that was given up, and whose secret still holds, can be sent again."),
    "changed_meanwhile": _l("Somebody else changed this at the same moment. Open the page again and look."),
    "conflict": _l("This is not possible in the present state. Open the page again and look."),
    "document_missing": _l("The document is not ready yet. Please try again in a minute."),
    "forbidden": _l("You may not do this."),
    "idempotency_key_reused": _l("This form was sent before with other data. Open it again to send another."),
    "invalid": _l("Some of the data is not valid."),
    "not_a_boolean": _l("Choose yes or no."),
    "not_a_choice": _l("Choose one of the offered values."),
    "not_a_date": _l("Enter a date."),
    "not_a_decimal": _l("Enter a number."),
    "not_a_name": _l("A name may not hold these characters."),
    "not_a_page_token": _l("This list has changed. Open it again from its beginning."),
    "not_a_phone": _l("This is not a phone number."),
    "not_a_whole_number": _l("Enter a whole number."),
    "not_an_email": _l("This is not an e-mail address."),
    "not_an_upload": _l("The file did not arrive. Please choose it again."),
    "not_enough_seats": _l("There are fewer unused seats than people chosen."),
    "not_found": _l("We could not find this."),
    "not_valid": _l("This is not valid."),
    "out_of_range": _l("This value is too small or too large."),
    "page_too_old": _l("This page is too old. Open it again and repeat what you wanted to do."),
    "password_changed_meanwhile": _l("The password has been changed meanwhile."),
    "rate_limited": _l("Too many attempts. Please wait a little."),
    "repeated": _l("This is entered more than once."),
    "required": _l("Please fill this in."),
    "same_as_current": _l("The new password must differ from the present one."),
    "same_as_issued": _l("The new password must differ from the one that you received."),
    "session_ended": _l("Please sign in again."),
    "taken": _l("This is already in use."),
    "test_required": _l("This module is passed by its test."),
    "too_common": _l("This password is easy to guess. Choose words that others would not put together."),
    "too_long": _l("This is too long."),
    "too_personal": _l("This password is made of your own names. Choose something that nobody connects with you."),
    "too_short": _l("This is too short."),
    "training_not_passed": _l("The training is not passed yet."),
    "unauthenticated": _l("Please sign in."),
    "unavailable": _l("A part we need does not answer. Nothing is lost; please try again in a minute."),
    "unknown_product": _l("There is no such product in the catalogue."),
    "unknown_question": _l("The test has changed. Open it again."),
    "wrong_credentials": _l("The name or the password is not right."),
    "wrong_length": _l("This is too long or too short."),
    "wrong_password": _l("The present password is not right."),
}
"""Code → sentence; journeys add theirs with ``SENTENCES.update`` in a ``faults.py`` of their own."""


WITH_VALUES: dict[str, LazyString] = {
    "too_short": _l("This is too short. At least %(least)s characters are needed."),
    "too_long": _l("This is too long. At most %(most)s characters are possible."),
}
"""Code → sentence with values of the fault in it; where a value is missing the plain sentence stands."""

BY_KIND = frozenset({"unavailable", "unauthenticated", "forbidden", "not_found", "rate_limited"})
"""Kinds whose finer codes tell people nothing more than the kind."""


def sentence(code: str, params: Mapping[str, Any] | None = None, message: str = "") -> str:
    """The sentence for a code in the reader's language; an unknown code falls back to the service's English message."""
    found = SENTENCES.get(code)
    if params:
        for template in (WITH_VALUES.get(code), found):
            with suppress(KeyError, TypeError, ValueError):
                if template is not None and "%(" in str(template):
                    return str(template) % dict(params)
    return str(found) if found is not None else message or gettext("This is not valid.")


def sentence_of(error: ServiceError) -> str:
    """The sentence for a whole error."""
    code = error.KIND if error.code not in SENTENCES and error.KIND in BY_KIND else error.code
    return sentence(code, error.params, error.message)


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
        wait = ngettext("Try again in a second.", "Try again in %(num)s seconds.", error.retry_after or 1)
        form.form_errors.append(f"{sentence_of(error)} {wait}" if error.retry_after else sentence_of(error))


@contextmanager
def refused(form: AnyForm, **names: str) -> Iterator[None]:
    """Show on the form what a service refuses inside the block; the view then goes on to render the form again."""
    try:
        yield
    except (Invalid, Conflict, RateLimited) as error:
        show(error, form, **names)
