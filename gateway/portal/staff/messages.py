"""The register of every mail."""

from typing import Any
from uuid import UUID

from flask import flash, redirect, request, url_for
from flask_babel import gettext as _

from gateway.clients.notifications import notifications
from gateway.faults import sentence_of
from gateway.panels import panel
from gateway.portal.journey import page
from gateway.portal.staff.desk import Page, clerk, journey
from gateway.security.guards import guard
from libs.contracts.errors import Conflict
from libs.contracts.notifications import MAIL_STATES, ListMails


@journey.get("/work/messages")
@guard(clerk)
def messages() -> Page:
    """Every mail, newest first."""
    state = request.args.get("state", "")
    search = request.args.get("search", "").strip()[:100]
    found = notifications.list_mails(
        ListMails(
            state=state if state in MAIL_STATES else "",
            search=search,
            page_token=request.args.get("page_token") or None,
        )
    )
    return page("staff/messages.html", mails=found, state=state, search=search)


@journey.get("/work/messages/<uuid:mail_id>")
@guard(clerk)
def message(mail_id: UUID) -> Page:
    """One mail with its text; secrets in it are blotted out."""
    return page("staff/message.html", mail=notifications.get_mail(mail_id))


@journey.post("/work/messages/<uuid:mail_id>/resend")
@guard(clerk)
def resend(mail_id: UUID) -> Page:
    """Put a mail that was given up into the queue again."""
    try:
        notifications.resend_mail(mail_id)
    except Conflict as error:
        flash(sentence_of(error), "warn")
    else:
        flash(_("The message is in the queue again."), "good")
    return redirect(url_for("staff.message", mail_id=mail_id))


@panel(clerk, order=20, template="staff/messages_panel.html")
def given_up() -> dict[str, Any] | None:
    """Mails that could not be delivered."""
    count = notifications.list_mails(ListMails(page_size=1)).given_up
    return {"count": count} if count else None
