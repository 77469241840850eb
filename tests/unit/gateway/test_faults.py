"""Every refusal of every service has a sentence for people."""

import ast
from importlib import import_module
from pathlib import Path

import pytest
from flask import Flask
from flask_babel import Babel
from wtforms import FieldList, Form, FormField, IntegerField, StringField

from gateway import faults
from gateway.faults import SENTENCES, refused
from gateway.portal.sign_in.forms import SHORTEST_PASSWORD
from libs.contracts.errors import FAMILY, Conflict, Fault, Invalid, NotFound, RateLimited
from services.identity.model.password_rules import SHORTEST

ROOT = Path(__file__).resolve().parents[3]
BY_KIND = {error.__name__ for error in FAMILY.values() if error.KIND in faults.BY_KIND}
KINDS = {error.__name__ for error in FAMILY.values()} - BY_KIND


def codes_in(source: str) -> set[str]:
    """The codes that a piece of Python refuses with, where they are written out."""
    found: set[object] = set()
    for call in (node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Call)):
        name = call.func.id if isinstance(call.func, ast.Name) else getattr(call.func, "attr", "")
        if name in KINDS and call.args and isinstance(call.args[0], ast.Constant):
            found.add(call.args[0].value)
        if name == "field" and len(call.args) == 2 and isinstance(call.args[1], ast.Constant):
            found.add(call.args[1].value)
        if name in {"Fault", "CellFault"}:
            found |= {k.value.value for k in call.keywords if k.arg == "code" and isinstance(k.value, ast.Constant)}
    return {code for code in found if isinstance(code, str)}


def test_every_code_of_the_services_has_a_sentence() -> None:
    for module in sorted((ROOT / "gateway" / "portal").glob("*/faults.py")):
        import_module(f"gateway.portal.{module.parent.name}.faults")
    codes = set().union(*(codes_in(p.read_text()) for p in (ROOT / "services").rglob("*.py")))
    assert len(codes) > 20
    assert sorted(codes - set(SENTENCES)) == []


def test_a_code_without_a_sentence_would_be_found() -> None:
    source = """
raise Conflict("one", "One.")
raise Invalid.field("name", "two")
faults.append(Fault(field="name", code="three"))
raise NotFound("its kind is enough")
"""
    assert codes_in(source) == {"one", "two", "three"}


def test_no_sentence_shows_a_code_or_jargon() -> None:
    for code, text in SENTENCES.items():
        assert code not in str(text) or "_" not in code
        assert not {"token", "2FA", "null", "exception"} & set(str(text).split())
        assert str(text)[-1] in ".?!"


def test_the_hint_about_passwords_says_what_identity_demands() -> None:
    assert SHORTEST_PASSWORD == SHORTEST


class Line(Form):
    quantity = IntegerField("Quantity")


class OrderForm(Form):
    name = StringField("Name")
    lines = FieldList(FormField(Line), min_entries=1)


@pytest.fixture(autouse=True)
def request_context() -> object:
    app = Flask(__name__)
    Babel(app)
    with app.test_request_context():
        yield


def test_a_fault_goes_to_its_field_and_what_has_none_to_the_top() -> None:
    form = OrderForm()
    with refused(form):
        raise Invalid(faults=[Fault(field="name", code="required"), Fault(field="elsewhere", code="taken")])
    assert form.name.errors == ["Please fill this in."]
    assert form.form_errors == ["This is already in use."]


def test_a_fault_can_be_led_to_a_field_of_another_name() -> None:
    form = OrderForm()
    with refused(form, person__given_name="name"):
        raise Invalid.field("person.given_name", "not_a_name")
    assert form.name.errors == ["A name may not hold these characters."]


def test_a_conflict_and_a_wait_stand_at_the_top() -> None:
    form = OrderForm()
    with refused(form):
        raise Conflict("changed_meanwhile")
    with refused(form):
        raise RateLimited(retry_after=1)
    assert form.form_errors[0].startswith("Somebody else changed this")
    assert form.form_errors[1].endswith("Try again in a second.")


def test_what_is_not_the_forms_business_goes_on() -> None:
    with pytest.raises(NotFound), refused(OrderForm()):
        raise NotFound


def test_values_of_a_fault_stand_in_its_sentence_where_they_are_known() -> None:
    assert faults.sentence("too_short", {"least": 12}).endswith("At least 12 characters are needed.")
    assert faults.sentence("too_short", {"other": 1}) == faults.sentence("too_short") == "This is too short."
