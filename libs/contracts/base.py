"""How a contract is declared, written to the wire and read from it."""

import dataclasses
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from functools import cache
from typing import Any, ClassVar, TypeVar, dataclass_transform, get_type_hints

import marshmallow_dataclass
from marshmallow import EXCLUDE, RAISE, Schema, ValidationError, fields, validate

from libs.contracts.errors import Fault, Invalid

T = TypeVar("T")

LocalText = dict[str, str]
"""Language code → text in that language."""

MAX_PAGE_SIZE = 200


class Instant(fields.DateTime):
    """An aware instant; RFC 3339 in UTC on the wire, a naive one is refused."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(format="iso", **kwargs)

    def _serialize(self, value: Any, attr: str | None, obj: Any, **kwargs: Any) -> Any:
        if value is None:
            return None
        return value.astimezone(UTC).isoformat().replace("+00:00", "Z")

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> datetime:
        instant = super()._deserialize(value, attr, data, **kwargs)
        if instant.tzinfo is None:
            raise ValidationError("naive_time")
        return instant.astimezone(UTC)


class StrictInteger(fields.Integer):
    """A whole number: neither a fraction nor a text that looks like one is let through."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(strict=True, **kwargs)

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> int:
        if isinstance(value, bool) or not isinstance(value, int):
            raise ValidationError("not_a_whole_number")
        return super()._deserialize(value, attr, data, **kwargs)


class Amount(fields.Decimal):
    """A finite decimal, a string on the wire."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(as_string=True, allow_nan=False, **kwargs)

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> Decimal:
        if isinstance(value, float):
            raise ValidationError("not_a_decimal")
        try:
            return super()._deserialize(value, attr, data, **kwargs)
        except InvalidOperation:
            raise ValidationError("not_a_decimal") from None


class Text(fields.String):
    """A text that a database can keep: valid Unicode, without the null character."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> str:
        text = super()._deserialize(value, attr, data, **kwargs)
        try:
            text.encode()
        except UnicodeEncodeError:
            raise ValidationError("not_a_text") from None
        if "\x00" in text:
            raise ValidationError("not_a_text")
        return text


class _Tolerant(Schema):
    """Readers take what they need and ignore the rest."""

    class Meta:
        unknown = EXCLUDE

    TYPE_MAPPING = {  # noqa: RUF012  marshmallow declares it as an instance's
        str: Text,
        datetime: Instant,
        int: StrictInteger,
        Decimal: Amount,
    }


class _Strict(_Tolerant):
    """The rim towards people: an unknown field is a mistake worth telling."""

    class Meta:
        unknown = RAISE


@dataclass_transform(kw_only_default=True, frozen_default=True)
def contract(cls: type[T]) -> type[T]:
    """Declare a command, query or view: a frozen, keyword-only dataclass with a schema."""
    return dataclass(frozen=True, kw_only=True)(cls)


class Event:
    """What happened, in the past tense; ``TYPE`` is its wire name, ``SUBJECT`` the field that holds its aggregate."""

    TYPE: ClassVar[str]
    SUBJECT: ClassVar[str]


E = TypeVar("E", bound=Event)

EVENTS: dict[str, type[Event]] = {}
"""Wire name → event class, of all that has been imported."""


@dataclass_transform(kw_only_default=True, frozen_default=True)
def event(wire_name: str, *, subject: str) -> Callable[[type[E]], type[E]]:
    """Declare an event by its wire name, such as ``orders.order_paid.v1``, and the field that names its subject."""

    def declare(cls: type[E]) -> type[E]:
        declared = contract(cls)
        declared.TYPE = wire_name
        declared.SUBJECT = subject
        if wire_name in EVENTS and EVENTS[wire_name].__qualname__ != cls.__qualname__:
            raise ValueError(f"{wire_name} is declared twice")
        EVENTS[wire_name] = declared
        return declared

    return declare


def bounded(limit: int, *, least: int = 0, default: Any = dataclasses.MISSING) -> Any:
    """A text field of ``least`` to ``limit`` characters (a list: of so many elements)."""
    metadata = {"validate": validate.Length(min=least, max=limit)}
    if default is dataclasses.MISSING:
        return dataclasses.field(metadata=metadata)
    if isinstance(default, (list, dict)):
        return dataclasses.field(default_factory=lambda: type(default)(default), metadata=metadata)
    return dataclasses.field(default=default, metadata=metadata)


def between(least: int, most: int, *, default: Any = dataclasses.MISSING) -> Any:
    """A whole-number field from ``least`` to ``most``."""
    metadata = {"validate": validate.Range(min=least, max=most)}
    if default is dataclasses.MISSING:
        return dataclasses.field(metadata=metadata)
    return dataclasses.field(default=default, metadata=metadata)


def one_of(*choices: str, default: Any = dataclasses.MISSING) -> Any:
    """A text field that takes one of ``choices``."""
    metadata = {"validate": validate.OneOf(choices)}
    if default is dataclasses.MISSING:
        return dataclasses.field(metadata=metadata)
    return dataclasses.field(default=default, metadata=metadata)


@cache
def schema_of(cls: type) -> type[Schema]:
    """The tolerant schema of a contract."""
    return marshmallow_dataclass.class_schema(cls, base_schema=_Tolerant)


@cache
def strict_schema_of(cls: type) -> type[Schema]:
    """The schema of a contract at the HTTP rim, where unknown fields are refused."""
    return marshmallow_dataclass.class_schema(cls, base_schema=_Strict)


_SCHEMAS: dict[Any, Schema] = {}


def _schema(cls: type) -> Schema:
    if cls not in _SCHEMAS:
        _SCHEMAS[cls] = schema_of(cls)()
    return _SCHEMAS[cls]


def dump(obj: Any) -> dict[str, Any]:
    """The JSON-ready form of a contract object."""
    wire: dict[str, Any] = _schema(type(obj)).dump(obj)
    return wire


def load(cls: type[T], data: Any) -> T:
    """Read a contract object from its JSON form; raises :class:`Invalid` with a fault for each wrong field."""
    try:
        loaded: T = _schema(cls).load(data)
    except ValidationError as error:
        raise Invalid(faults=faults_of(error.messages)) from None
    return loaded


CODES = {
    "Missing data for required field.": "required",
    "Field may not be null.": "required",
    "Unknown field.": "unknown_field",
    "Not a valid UUID.": "not_an_id",
    "Not a valid integer.": "not_a_whole_number",
    "Not a valid number.": "not_a_decimal",
    "Special numeric values (nan or infinity) are not permitted.": "not_a_decimal",
    "Not a valid string.": "not_a_text",
    "Not a valid date.": "not_a_date",
    "Not a valid datetime.": "not_a_time",
    "Not a valid boolean.": "not_a_boolean",
    "Not a valid list.": "not_a_list",
    "Not a valid mapping type.": "not_an_object",
    "Invalid input type.": "not_an_object",
}


def faults_of(messages: Any, path: str = "") -> list[Fault]:
    """Flatten marshmallow's nested messages to faults with dotted paths and stable codes."""
    if isinstance(messages, Mapping):
        return [
            fault
            for key, inner in messages.items()
            for fault in faults_of(inner, path if key == "_schema" else f"{path}.{key}".lstrip("."))
        ]
    return [Fault(field=path, code=_code_of(str(message))) for message in messages]


def _code_of(message: str) -> str:
    if message in CODES:
        return CODES[message]
    if message.startswith(("Longer than", "Length must be")):
        return "wrong_length"
    if message.startswith("Shorter than"):
        return "too_short"
    if message.startswith("Must be one of"):
        return "not_a_choice"
    if message.startswith("Must be"):
        return "out_of_range"
    return message if message.replace("_", "").isalnum() and message.islower() else "not_valid"


def fields_of(cls: type) -> dict[str, Any]:
    """Field name → type of a contract, for generated pages and tests."""
    hints = get_type_hints(cls)
    return {f.name: hints[f.name] for f in dataclasses.fields(cls)}


@contract
class Money:
    """A sum in one currency (ISO 4217); arithmetic refuses to mix currencies."""

    amount: Decimal
    currency: str = dataclasses.field(default="EUR", metadata={"validate": validate.Length(equal=3)})

    def __add__(self, other: "Money") -> "Money":
        return Money(amount=self.amount + self._same(other), currency=self.currency)

    def __sub__(self, other: "Money") -> "Money":
        return Money(amount=self.amount - self._same(other), currency=self.currency)

    def __lt__(self, other: "Money") -> bool:
        return self.amount < self._same(other)

    def __le__(self, other: "Money") -> bool:
        return self.amount <= self._same(other)

    def _same(self, other: "Money") -> Decimal:
        if other.currency != self.currency:
            raise ValueError(f"{self.currency} and {other.currency} do not mix")
        return other.amount


@contract
class DocumentView:
    """A file in the document store: the gateway streams it, notifications attach it."""

    key: str
    filename: str
    content_type: str
    sha256: str
    size: int


@contract
class Nothing:
    """A request or an answer that holds nothing."""
