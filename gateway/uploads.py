"""Large bodies are let in only where a route says so; files go to the document store and services get their keys."""

import unicodedata
from collections.abc import Callable
from typing import ParamSpec, TypeVar
from urllib.parse import quote

from flask import Response, current_app, request
from werkzeug.datastructures import FileStorage
from werkzeug.exceptions import RequestEntityTooLarge

from gateway.commands import command_id
from gateway.settings import Settings
from libs.chassis.documents import DocumentChanged, DocumentMissing, DocumentStore, StoredDocument, TooLarge, chunks_of
from libs.contracts.base import DocumentView
from libs.contracts.errors import Conflict, NotFound

P = ParamSpec("P")
R = TypeVar("R")


def large_body(setting: str = "upload_limit") -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Let a route take bodies up to this setting instead of ``body_limit``."""

    def mark(view: Callable[P, R]) -> Callable[P, R]:
        view.body_limit = setting  # type: ignore[attr-defined]
        return view

    return mark


def limit_of_request() -> int | None:
    """The limit that this request's route asks for, if it asks."""
    view = current_app.view_functions.get(request.endpoint or "")
    cls = getattr(view, "view_class", None)
    target = getattr(cls, request.method.lower(), None) if cls else view
    setting = getattr(target, "body_limit", None)
    settings: Settings = current_app.config["SETTINGS"]
    return getattr(settings, setting) if setting else None


def documents() -> DocumentStore:
    """The document store of this installation."""
    store: DocumentStore = current_app.extensions["documents"]
    return store


def keep_upload(file: FileStorage) -> StoredDocument:
    """Put an uploaded file into the store under a name of our own; the name it came with is never a path.

    The name follows from the deed that the request names: sent again, the same file is found there already.
    """
    settings: Settings = current_app.config["SETTINGS"]
    try:
        return documents().put_stream(f"uploads/{command_id('upload')}", file.stream, limit=settings.upload_limit)  # type: ignore[arg-type]
    except TooLarge:
        raise RequestEntityTooLarge from None
    except DocumentChanged:
        raise Conflict("idempotency_key_reused", "This deed was told before with another file.") from None


def send_document(view: DocumentView, *, inline: bool = False) -> Response:
    """Stream a document of the store to the browser, under the file name its service gave it."""
    try:
        file = documents().open(view.key)
    except DocumentMissing:
        raise NotFound("document_missing", "The document is not ready yet.") from None
    response = Response(chunks_of(file), mimetype=view.content_type)
    response.content_length = view.size
    response.headers.set("Content-Disposition", "inline" if inline else "attachment", **_names(view.filename))
    return response


def _names(filename: str) -> dict[str, str]:
    """A file name as RFC 6266 wants it: plain for old readers, and in full where it is not plain."""
    plain = unicodedata.normalize("NFKD", filename).encode("ascii", "ignore").decode()
    full = {} if plain == filename else {"filename*": f"UTF-8''{quote(filename, safe='')}"}
    return {"filename": plain, **full}
