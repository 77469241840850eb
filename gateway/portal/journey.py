"""How a journey and its pages are made."""

from http import HTTPStatus
from typing import Any

from flask import Blueprint, render_template
from flask_wtf import FlaskForm
from wtforms.validators import DataRequired, InputRequired, Length

from gateway.faults import SENTENCES


def new(import_name: str) -> Blueprint:
    """The blueprint of the journey whose ``views.py`` calls this with ``__name__``; named after its folder."""
    package = import_name.rpartition(".")[0]
    return Blueprint(package.rpartition(".")[2], package, template_folder="templates")


class Form(FlaskForm):
    """A form of the portal. Its token is checked before any view runs, so the form itself carries none."""

    class Meta:
        csrf = False


def required() -> DataRequired:
    """The field must hold something other than blanks."""
    return DataRequired(SENTENCES["required"])


def required_as_typed() -> InputRequired:
    """The field must be sent, blanks and zeros included: for passwords and numbers."""
    return InputRequired(SENTENCES["required"])


def at_most(most: int) -> Length:
    """The text may not be longer."""
    return Length(max=most, message=SENTENCES["too_long"])


def page(template: str, form: FlaskForm | None = None, *, faulty: bool = False, **values: Any) -> tuple[str, int]:
    """Render a page; one that shows a faulty form, or is ``faulty`` for another reason, says 422."""
    faulty = faulty or (form is not None and bool(form.errors))
    status = HTTPStatus.UNPROCESSABLE_ENTITY if faulty else HTTPStatus.OK
    return render_template(template, form=form, faulty=faulty, **values), status
