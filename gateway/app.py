"""The application: what a request passes through, from the first header to the last."""

import importlib
import importlib.util
from pathlib import Path
from typing import Any
from uuid import uuid4
from zoneinfo import ZoneInfo

from flask import Flask, g, request, url_for
from werkzeug.middleware.proxy_fix import ProxyFix

from gateway import admission, errors, i18n, portal, traffic
from gateway.clients.base import Caller, Clients
from gateway.commands import form_command_id
from gateway.faults import text_of
from gateway.health import health
from gateway.navigation import Navigation
from gateway.security import cookies, csrf, guards, headers
from gateway.security.rate_limit import Buckets
from gateway.security.session import Principals, visitor
from gateway.settings import Settings
from gateway.static_files import Fingerprints
from gateway.streams import Streams
from gateway.uploads import limit_of_request
from libs.chassis.documents import from_url
from libs.chassis.logging import correlation_id
from libs.chassis.operator import Operator, load_operator
from libs.contracts.identity import AccountChanged, SessionEnded

TIME_ZONE = "Europe/Sofia"


def create_app(settings: Settings, bus: Caller, *, operator: Operator | None = None) -> Flask:
    """Build the gateway around a bus; nothing is connected or started here."""
    app = Flask(__name__)
    app.config.update(
        SECRET_KEY=settings.secret_key,
        TLS=settings.tls,
        TIME_ZONE=ZoneInfo(TIME_ZONE),
        MAX_CONTENT_LENGTH=settings.body_limit,
        MAX_FORM_MEMORY_SIZE=settings.body_limit,
        MAX_FORM_PARTS=2_000,
        # Flask's own cookie carries notes from one page to the next, nothing else.
        SESSION_COOKIE_NAME="__Host-notes" if settings.tls else "notes",
        SESSION_COOKIE_SECURE=settings.tls,
        SESSION_COOKIE_HTTPONLY=True,
        SESSION_COOKIE_SAMESITE="Lax",
        WTF_CSRF_ENABLED=False,  # every changing request is checked by security.csrf instead
        SETTINGS=settings,
    )
    app.extensions.update(
        bus=bus,
        clients=Clients(bus, settings.rpc_timeout),
        principals=Principals(settings.principal_cache),
        buckets={"sign_in": Buckets(settings.sign_ins_per_minute), "check": Buckets(settings.checks_per_minute)},
        operator=operator or load_operator(settings.operator),
        documents=from_url(settings.documents_url),
        streams=Streams(settings.streams),
    )
    _listen(app, bus)
    if settings.trusted_proxies:
        app.wsgi_app = ProxyFix(  # type: ignore[method-assign]
            app.wsgi_app,
            x_for=settings.trusted_proxies,
            x_proto=settings.trusted_proxies,
            x_host=settings.trusted_proxies,
        )
    app.before_request(_begin)
    admission.install(app)
    app.before_request(csrf.protect)
    i18n.install(app)
    _install_templates(app)
    errors.install(app)
    app.after_request(cookies.set_cookies)
    app.after_request(headers.set_headers)
    app.teardown_request(_end)
    traffic.install(app)
    app.register_blueprint(health)
    portal.install(app)
    if importlib.util.find_spec("gateway.api.v1"):
        importlib.import_module("gateway.api.v1").install(app)
    guards.check_routes(app)
    return app


def _listen(app: Flask, bus: Caller) -> None:
    """Forget people at once when their session ends, and ask anew when their account changed."""
    memory: Principals = app.extensions["principals"]
    bus.listen(SessionEnded, lambda event: memory.forget(event.session_id))
    bus.listen(AccountChanged, lambda event: memory.forget_account(event.account_id))


def _begin() -> None:
    """Give the request the id under which every log line and message of it is found."""
    g.correlation_id = str(uuid4())
    correlation_id.set(g.correlation_id)
    if (limit := limit_of_request()) is not None:
        request.max_content_length = limit


def _end(_: BaseException | None) -> None:
    # Not reset by token: a pushed stream may end in another context than it began in.
    correlation_id.set(None)


def _install_templates(app: Flask) -> None:
    fingerprints = Fingerprints(Path(app.static_folder or ""))

    def static(filename: str) -> str:
        """The address of a static file, changing with its content so that browsers may keep it for good."""
        return url_for("static", filename=filename, v=fingerprints.of(filename))

    def context() -> dict[str, Any]:
        return {
            "visitor": visitor() if "correlation_id" in g else None,
            "operator": app.extensions["operator"],
            "navigation": Navigation,
            "correlation_id": g.get("correlation_id", ""),
        }

    def has_route(endpoint: str) -> bool:
        """Whether a journey of this installation has this page."""
        return endpoint in app.view_functions

    app.jinja_env.globals.update(
        fault_text=text_of,
        has_route=has_route,
        static=static,
        csrf_token=csrf.csrf_token,
        command_id=form_command_id,
    )
    app.jinja_env.trim_blocks = app.jinja_env.lstrip_blocks = True
    app.context_processor(context)
    app.json.ensure_ascii = False  # type: ignore[attr-defined]
