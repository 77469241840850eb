"""How a resource of the API is made: strict schemas from contracts, faults that name the field, pages of lists."""

from collections.abc import Callable
from typing import Any, NoReturn, TypeVar, cast

from apispec.ext.marshmallow import MarshmallowPlugin
from apispec.ext.marshmallow.common import resolve_schema_cls
from flask import Flask, Request
from flask_smorest import Api, Blueprint
from marshmallow import RAISE, Schema, ValidationError, fields, validate
from webargs.flaskparser import FlaskParser

from libs.contracts.base import MAX_PAGE_SIZE, faults_of, schema_of, strict_schema_of
from libs.contracts.errors import Fault, Invalid

F = TypeVar("F", bound=Callable[..., Any])


class Parser(FlaskParser):
    """Reads requests; what is wrong becomes one :class:`Invalid` with a fault for each field."""

    # A contract that knows every field says which one it does not know.
    DEFAULT_UNKNOWN_BY_LOCATION = {"json": None, "query": None}  # noqa: RUF012  webargs declares it as an instance's

    def handle_error(
        self, error: ValidationError, req: Request, schema: Schema, *, error_status_code: int | None, error_headers: Any
    ) -> NoReturn:
        """Raise the faults of all places of the request at once."""
        messages = error.messages if isinstance(error.messages, dict) else {"": error.messages}
        raise Invalid(faults=[fault for place in messages.values() for fault in faults_of(place)])

    def _handle_invalid_json_error(self, error: Any, req: Request, *args: Any, **kwargs: Any) -> NoReturn:
        raise Invalid(faults=[Fault(field="", code="not_json")])


class Resource(Blueprint):
    """A blueprint of one resource."""

    ARGUMENTS_PARSER = Parser()

    def takes(self, contract: type) -> Callable[[F], F]:
        """The body must be this contract; the view gets the object."""
        return self.arguments(strict_schema_of(contract))  # type: ignore[no-any-return]

    def takes_query(self, schema: type[Schema]) -> Callable[[F], F]:
        """The query string must fit this schema; the view gets a dictionary."""
        return self.arguments(schema, location="query")  # type: ignore[no-any-return]

    def gives(self, contract: type, status: int = 200, description: str = "") -> Callable[[F], F]:
        """The answer is this contract."""
        return self.response(status, schema_of(contract), description=description)  # type: ignore[no-any-return]


class Problem(Schema):
    """An RFC 9457 problem; ``code`` is stable, ``faults`` name the fields."""

    class ProblemFault(Schema):
        """What is wrong with one field."""

        field = fields.String(metadata={"example": "lines.0.quantity"})
        code = fields.String(metadata={"example": "out_of_range"})
        detail = fields.String()
        params = fields.Dict()

    type = fields.String()
    title = fields.String()
    status = fields.Integer()
    code = fields.String(metadata={"example": "invalid"})
    detail = fields.String()
    correlation_id = fields.String()
    params = fields.Dict()
    faults = fields.List(fields.Nested(ProblemFault))


class PageQuery(Schema):
    """Which page of a list: how many at once, and where the last page ended."""

    page_size = fields.Integer(load_default=50, validate=validate.Range(min=1, max=MAX_PAGE_SIZE))
    page_token = fields.String(load_default=None, validate=validate.Length(max=500))


def name_of(schema: Any) -> str:
    """The name of a schema in the document; what a request holds is told apart from what an answer holds."""
    cls = cast(type[Schema], resolve_schema_cls(schema))
    name = str(cls.__name__).removesuffix("Schema")
    return f"{name}Input" if getattr(cls.Meta, "unknown", None) == RAISE else name


class OpenApi(Api):
    """The API document; errors are answered by the gateway's one table, not here."""

    ERROR_SCHEMA = Problem

    def __init__(self, app: Flask) -> None:
        super().__init__(app, spec_kwargs={"marshmallow_plugin": MarshmallowPlugin(schema_name_resolver=name_of)})

    def _register_error_handlers(self) -> None:
        """Leave errors to ``gateway.errors``."""
