"""The front door: the public start, how to register with the phone app, and the home page behind the sign-in."""

from flask import redirect, url_for
from werkzeug.wrappers import Response

from gateway import panels
from gateway.navigation import MANAGEMENT, STAFF, Navigation
from gateway.portal import journey as journeys
from gateway.portal.journey import page
from gateway.security.guards import guard, public, role, signed_in, staff
from gateway.security.session import the_visitor, visitor

journey = journeys.new(__name__)


@journey.get("/")
@guard(public)
def landing() -> tuple[str, int] | Response:
    """The public start; who is signed in goes on to the home page."""
    if visitor() is not None:
        return redirect(url_for("welcome.home"))
    return page("welcome/landing.html")


@journey.get("/how-to-register")
@guard(public)
def how_to_register() -> tuple[str, int]:
    """The guide for installing the phone app and registering in it."""
    return page("welcome/how_to_register.html")


@journey.get("/home")
@guard(signed_in)
def home() -> tuple[str, int]:
    """The home page: a greeting, the main thing to do, and what each journey has to show."""
    rendered, missing = panels.shown_to(the_visitor())
    return page("welcome/home.html", panels=rendered, missing=missing)


@journey.get("/management")
@guard(role("manager"))
def management() -> tuple[str, int]:
    """What a manager can do for the organisation."""
    return page("welcome/section.html", shown=Navigation.shown_section(MANAGEMENT))


@journey.get("/work")
@guard(staff)
def work() -> tuple[str, int]:
    """What the operator's staff can do."""
    return page("welcome/section.html", shown=Navigation.shown_section(STAFF))
