"""The inbox as web pages and as a small JSON API."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field, fields
from io import BytesIO
from typing import Any

from flask import (
    Blueprint,
    Flask,
    Response,
    abort,
    current_app,
    jsonify,
    redirect,
    render_template,
    request,
    send_file,
    url_for,
)
from werkzeug.wrappers import Response as BaseResponse

from tests.simulators.serving import WebServer, add_probes

from .inbox import Behaviour, Inbox, Letter
from .smtp import SmtpServer

MAX_WAIT_SECONDS = 30.0
pages = Blueprint("pages", __name__)
api = Blueprint("api", __name__, url_prefix="/api")


def _inbox() -> Inbox:
    inbox: Inbox = current_app.extensions["inbox"]
    return inbox


def _letter(number: int) -> Letter:
    letter = _inbox().letter(number)
    if letter is None:
        abort(404)
    return letter


@pages.get("/")
def inbox() -> str:
    """The list, newest first; `?to=` filters by recipient."""
    to = request.args.get("to", "").strip()
    return render_template("inbox.html", letters=_inbox().letters(to), recipients=_inbox().recipients(), to=to)


@pages.post("/empty")
def empty() -> BaseResponse:
    """Throws all letters away."""
    _inbox().empty()
    return redirect(url_for("pages.inbox"))


@pages.get("/messages/<int:number>")
def message(number: int) -> str:
    """One letter: its text, its HTML in a frame, its files."""
    return render_template("letter.html", letter=_letter(number))


@pages.get("/messages/<int:number>/html")
def html_part(number: int) -> Response:
    """The HTML body alone; scripts and outside contents are forbidden to it."""
    response = Response(_letter(number).html, content_type="text/html; charset=utf-8")
    response.headers["Content-Security-Policy"] = (
        "sandbox allow-popups allow-top-navigation-by-user-activation; "
        "default-src 'none'; style-src 'unsafe-inline'; img-src data:"
    )
    return response


@pages.get("/messages/<int:number>/raw")
def raw(number: int) -> Response:
    """The letter as it came over the wire."""
    return Response(_letter(number).raw, content_type="text/plain; charset=utf-8")


@pages.get("/messages/<int:number>/attachments/<int:index>")
def attachment(number: int, index: int) -> Response:
    """One attached file, counted from 1."""
    files = _letter(number).attachments
    if not 1 <= index <= len(files):
        abort(404)
    file = files[index - 1]
    response = send_file(BytesIO(file.content), mimetype=file.content_type, download_name=file.filename)
    response.headers["Content-Security-Policy"] = "sandbox"
    return response


@api.get("/messages")
def messages() -> Response:
    """Letters, newest first: `?to=`, `?subject=`; `?count=&wait=` waits up to so many seconds for so many letters."""
    to, subject = request.args.get("to", ""), request.args.get("subject", "")
    wait = min(request.args.get("wait", 0.0, type=float), MAX_WAIT_SECONDS)
    found = _inbox().wait_for(to, subject, request.args.get("count", 1, type=int), wait)
    return jsonify([letter.to_dict() for letter in found])


@api.get("/message-ids")
def message_ids() -> Response:
    """Every Message-ID that ever came, with how often."""
    return jsonify(_inbox().message_ids())


@api.delete("/messages")
def delete_messages() -> tuple[str, int]:
    """Throws letters away: all, or those of `?to=`."""
    _inbox().empty(request.args.get("to", ""))
    return "", 204


@api.get("/behaviour")
def get_behaviour() -> Response:
    """How the server treats senders now."""
    return jsonify(asdict(_inbox().behaviour))


@api.patch("/behaviour")
def patch_behaviour() -> tuple[Response, int]:
    """Changes how the server treats senders."""
    changes: dict[str, Any] = request.get_json()
    unknown = set(changes) - {item.name for item in fields(Behaviour)}
    if unknown:
        return jsonify({"error": f"unknown behaviour: {', '.join(sorted(unknown))}"}), 400
    changes = {key: tuple(value) if isinstance(value, list) else value for key, value in changes.items()}
    inbox = _inbox()
    inbox.behaviour = Behaviour(**{**asdict(inbox.behaviour), **changes})
    return jsonify(asdict(inbox.behaviour)), 200


@api.delete("/behaviour")
def delete_behaviour() -> tuple[str, int]:
    """Back to accepting everything at once."""
    _inbox().behaviour = Behaviour()
    return "", 204


def create_app(inbox: Inbox) -> Flask:
    """The Flask application over an inbox."""
    app = Flask(__name__)
    app.extensions["inbox"] = inbox
    app.register_blueprint(pages)
    app.register_blueprint(api)
    add_probes(app)
    return app


@dataclass(kw_only=True)
class MailServer:
    """The running simulator; usable in tests as a context manager."""

    smtp_port: int = 0
    web_port: int = 0
    inbox: Inbox = field(default_factory=Inbox)
    smtp: SmtpServer = field(init=False)
    web: WebServer = field(init=False)

    def __post_init__(self) -> None:
        self.smtp = SmtpServer(self.inbox, self.smtp_port)
        self.smtp_port = self.smtp.port
        self.web = WebServer(create_app(self.inbox), self.web_port)

    @property
    def url(self) -> str:
        """Address of the inbox page."""
        return self.web.url

    def start(self) -> MailServer:
        """Begins to accept letters and to show them."""
        self.smtp.start()
        self.web.start()
        return self

    def stop(self) -> None:
        """Closes both doors."""
        self.web.stop()
        self.smtp.stop()

    def __enter__(self) -> MailServer:
        return self.start()

    def __exit__(self, *_exc: object) -> None:
        self.stop()
