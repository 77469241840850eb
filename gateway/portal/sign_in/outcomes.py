"""How a sign-in can end, each with a page of its own."""

from dataclasses import dataclass

from flask_babel import lazy_gettext as _l
from flask_babel.speaklater import LazyString


@dataclass(frozen=True)
class Outcome:
    """What the page of an ended sign-in says; it has one control, which leads home."""

    heading: LazyString
    sentences: tuple[LazyString, ...]
    sign: str
    tone: str
    status: int = 200


OUTCOMES: dict[str, Outcome] = {
    "not_registered": Outcome(
        _l("This user does not exist in Evrotrust"),
        (
            _l(
                "The user name with which you want to sign in is not registered in Evrotrust, "
                "or is registered with another phone number."
            ),
            _l("More information and instructions how to register are on the start page."),
        ),
        "phone",
        "warn",
    ),
    "refused": Outcome(
        _l("You refused the request"),
        (
            _l("The request was refused on the phone, so nobody was let in."),
            _l("If it was not you who wanted to sign in, somebody else knows your password: change it and tell us."),
        ),
        "cross",
        "bad",
    ),
    "expired": Outcome(
        _l("The request has expired"),
        (
            _l("The request to sign in was not confirmed within the allowed five minutes."),
            _l("You can begin again from the start page."),
        ),
        "clock",
        "warn",
    ),
    "unavailable": Outcome(
        _l("Evrotrust does not answer just now"),
        (
            _l("We could not send the request to your phone. Nothing is wrong with your name or password."),
            _l("Please try again in a few minutes from the start page."),
        ),
        "pause",
        "warn",
        503,
    ),
    "withheld": Outcome(
        _l("No request was sent to your phone"),
        (
            _l(
                "A request was refused a short while ago, or there were too many. "
                "To protect you we wait before we send another."
            ),
        ),
        "pause",
        "warn",
    ),
    "cancelled": Outcome(
        _l("The sign-in was cancelled"),
        (
            _l("The request on the phone is no longer valid and nobody was let in."),
            _l("If it was not you who wanted to sign in, somebody else knows your password: change it and tell us."),
        ),
        "cross",
        "warn",
    ),
    "completed": Outcome(
        _l("This sign-in has been used already"),
        (_l("One confirmation is good for one sign-in. You can begin again from the start page."),),
        "cross",
        "warn",
    ),
    "unknown": Outcome(
        _l("This sign-in does not belong to this browser"),
        (
            _l(
                "A sign-in can only be finished in the browser in which it began. "
                "You can begin again from the start page."
            ),
        ),
        "cross",
        "warn",
        404,
    ),
}
"""State of a ``SignInView`` → its page; ``unknown`` is for anybody but the browser that began."""
