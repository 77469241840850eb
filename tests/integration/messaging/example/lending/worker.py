"""What the example hears and does by itself."""

from datetime import timedelta

from libs.messaging.work import Work
from libs.messaging.worker import Job, Subscriptions

from . import handlers
from .contracts import BookAdded, BookLent


def nothing(work: Work) -> bool:
    return False


SUBSCRIPTIONS: Subscriptions = {BookLent: [handlers.tally], BookAdded: handlers.notice}
JOBS = [
    Job("nothing", every=timedelta(minutes=1), run=nothing),
    Job("stand still", every=timedelta(milliseconds=200), run=handlers.stand_still),
]
