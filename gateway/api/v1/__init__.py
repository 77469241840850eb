"""The HTTP API, version 1: the same deeds as the portal's, for programs."""

from flask import Flask

from gateway.api.v1 import (
    bank_statements,
    certificates,
    documentation,
    orders,
    organisations,
    session,
    sign_ins,
    trainings,
)
from gateway.api.v1.rim import OpenApi

RESOURCES = (sign_ins, session, orders, bank_statements, organisations, trainings, certificates)


def install(app: Flask) -> None:
    """Mount the resources under ``/api/v1`` with their OpenAPI document and its browsable page."""
    app.config.update(
        API_TITLE="Licentia",
        API_VERSION="v1",
        OPENAPI_VERSION="3.0.3",
        OPENAPI_URL_PREFIX="/api/v1",
        OPENAPI_JSON_PATH="openapi.json",
        API_SPEC_OPTIONS={"info": {"description": documentation.DESCRIPTION}},
    )
    api = OpenApi(app)
    for resource in RESOURCES:
        api.register_blueprint(resource.blueprint, url_prefix=f"/api/v1{resource.blueprint.url_prefix or ''}")
    documentation.describe(api)
    app.register_blueprint(documentation.blueprint)
