"""What a service hears and what time does to it: declared in ``services/<service>/worker.py``."""

from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from typing import Any

from libs.contracts.base import Event

Handler = Callable[..., None]
"""``(work: Work, event: SomeEvent) -> None``, run inside a transaction."""

Subscriptions = Mapping[type[Event], Handler | Sequence[Handler]]
"""Event class → its handler, or several that succeed or fail each on their own."""


class Job:
    """A timed deed.

    ``run(work) -> bool | None`` runs in one transaction and is repeated at once while it returns True. With
    ``transactional=False`` it is given a :class:`~libs.messaging.work.WorkFactory` and opens its own units of work,
    so that no transaction is open while it talks to an outside party.
    """

    def __init__(
        self, name: str, *, every: timedelta, run: Callable[[Any], bool | None], transactional: bool = True
    ) -> None:
        self.name = name
        self.every = every
        self.run = run
        self.transactional = transactional
