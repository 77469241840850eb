"""Refuses what came too late to be answered in time, before anything is done for it.

Probes and static files are always answered: they cost nothing, and a process that sheds load is well.
"""

import random

from flask import Flask, current_app, g, request

from gateway.rows import waited
from gateway.settings import Settings
from libs.chassis.metrics import Counter
from libs.contracts.errors import Unavailable

ALWAYS = frozenset({"static", "health.alive", "health.ready", "health.metrics"})
REFUSED = Counter("gateway_refused_total", "Requests refused because they had waited too long for a thread.")


def admit() -> None:
    """Raise ``Unavailable`` where this request has waited too long for its thread."""
    settings: Settings = current_app.config["SETTINGS"]
    if request.endpoint in ALWAYS or waited() <= settings.queue_wait:
        return
    REFUSED.inc()
    g.visitor = None  # who it is would be asked of a service, and a refusal must cost nothing
    # spread, so that those who were refused together do not come back together
    pause = random.randint(settings.retry_after, 2 * settings.retry_after)  # noqa: S311  spreads load, guards nothing
    raise Unavailable("too_busy", "Too many requests are under way.", retry_after=pause)


def install(app: Flask) -> None:
    """Look at every request before anything else does."""
    app.before_request(admit)
