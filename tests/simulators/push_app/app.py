"""Puts the provider together: vendor API, phone pages, management API."""

from __future__ import annotations

import json
import secrets
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from flask import Flask, Response, redirect, url_for
from werkzeug.wrappers import Response as BaseResponse

from tests.simulators.serving import WebServer, add_probes

from .manage import manage
from .phone import phone
from .postman import Postman
from .provider import Provider
from .vendor import vendor


def create_app(provider: Provider, postman: Postman) -> Flask:
    """The Flask application over a provider's books."""
    app = Flask(__name__)
    app.secret_key = secrets.token_bytes(32)
    app.config.update(SESSION_COOKIE_NAME="push_app", SESSION_COOKIE_SAMESITE="Lax", MAX_CONTENT_LENGTH=1_000_000)
    app.extensions["provider"] = provider
    app.extensions["postman"] = postman
    app.register_blueprint(vendor)
    app.register_blueprint(phone)
    app.register_blueprint(manage)
    add_probes(app)
    app.add_url_rule("/", "home", _home)
    app.after_request(_forbid_caching)
    return app


def _home() -> BaseResponse:
    return redirect(url_for("phone.shelf"))


def _forbid_caching(response: Response) -> Response:
    response.headers.setdefault("Cache-Control", "no-store")
    return response


@dataclass(kw_only=True)
class PushApp:
    """The running simulator; usable in tests as a context manager."""

    vendor_number: str = "SIMVENDOR0000001"
    api_key: str = "00000000-1111-2222-3333-444444444444"
    port: int = 0
    provider: Provider = field(init=False)
    postman: Postman = field(init=False)
    server: WebServer = field(init=False)

    def __post_init__(self) -> None:
        self.provider = Provider(self.vendor_number, self.api_key)
        self.postman = Postman(self.provider)
        self.server = WebServer(create_app(self.provider, self.postman), self.port)

    @property
    def url(self) -> str:
        """Address of the simulator; the vendor API lies under `/vendor`."""
        return self.server.url

    def start(self) -> PushApp:
        """Begins to serve."""
        self.postman.start()
        self.server.start()
        return self

    def stop(self) -> None:
        """Stops serving; requests that hang are let go first."""
        self.provider.release_hanging()
        self.server.stop()
        self.postman.stop()

    def __enter__(self) -> PushApp:
        return self.start()

    def __exit__(self, *_exc: object) -> None:
        self.stop()


def preload(provider: Provider, source: str) -> int:
    """Registers the phones of a JSON list (`[{"phone": …, "access_code": …}]`), given as text or as a file's path."""
    text = source if source.lstrip().startswith("[") else Path(source).read_text(encoding="utf-8")
    entries: list[dict[str, Any]] = json.loads(text)
    for entry in entries:
        provider.register(str(entry["phone"]), str(entry["access_code"]))
    return len(entries)
