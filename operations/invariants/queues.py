"""I5: nothing waits on the broker, and what was given up on is known."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from operations.invariants.broker import DEAD, EVENTS, REQUESTS, RETRY, Queue
from operations.invariants.looking import Invariant, Seen, World


@dataclass(frozen=True)
class Waiting:
    """Looks at the queues of some kinds; ``wrong`` says in words what is amiss with one, or nothing."""

    kinds: tuple[str, ...]
    wrong: Callable[[Queue, World], str]

    def see(self, world: World) -> Seen:
        """Go through the queues."""
        seen = Seen()
        for queue in world.queues.of(*self.kinds):
            seen.checked += 1
            if said := self.wrong(queue, world):
                seen.wrong += 1
                seen.told.append((queue.service, queue.name, said))
        return seen


class Undecided:
    """Looks at the dead letters that nobody has decided on."""

    def see(self, world: World) -> Seen:
        """Go through the dead letters of all services, and the queues that the keepers have yet to empty."""
        seen = Seen()
        for service, letters in world.dead_letters.items():
            seen.checked += len(letters)
            open_ones = [one for one in letters if one.open]
            seen.wrong += len(open_ones)
            seen.told += [(service, one.subject, str(one)) for one in open_ones]
        return _with_unkept(seen, world.queues.of(DEAD))


def _with_unkept(seen: Seen, queues: Iterable[Queue]) -> Seen:
    for queue in queues:
        seen.checked += queue.depth
        if queue.depth:
            seen.wrong += queue.depth
            seen.told.append((queue.service, queue.name, f"{queue.depth} dead letters that no keeper has taken up"))
    return seen


def _is_missing(queue: Queue, _world: World) -> str:
    return "does not exist" if queue.ready is None else ""


def _is_filled(queue: Queue, world: World) -> str:
    return str(queue) if world.quiet and queue.depth else ""


INVARIANTS = (
    Invariant(
        group="I5",
        name="queues exist",
        says="every queue of the topology is there",
        looks=(Waiting((EVENTS, RETRY, DEAD, REQUESTS), _is_missing),),
    ),
    Invariant(
        group="I5",
        name="queues drained",
        says="nothing waits in any queue, of events, retries or requests",
        looks=(Waiting((EVENTS, RETRY, REQUESTS), _is_filled),),
    ),
    Invariant(
        group="I5",
        name="dead letters decided",
        says="nothing was given up on that a person has not replayed or discarded",
        looks=(Undecided(),),
    ),
)
