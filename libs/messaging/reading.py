"""From a delivered message to an event and its handlers."""

from libs.contracts.base import Event, load
from libs.contracts.errors import Invalid
from libs.messaging import envelope
from libs.messaging.envelope import Envelope, Poison
from libs.messaging.jobs import NamedHandler, Subscriptions
from libs.messaging.link import Delivery


class Reader:
    """Reads the events a service has subscribed to; anything else is poison."""

    def __init__(self, subscriptions: Subscriptions) -> None:
        self._known: dict[str, tuple[type[Event], list[NamedHandler]]] = {}
        for event, handlers in subscriptions.items():
            several = [handlers] if callable(handlers) else list(handlers)
            self._known[event.TYPE] = (event, [NamedHandler.of(handler) for handler in several])

    @property
    def types(self) -> set[str]:
        """The event types that are heard."""
        return set(self._known)

    def read(self, delivery: Delivery) -> tuple[Envelope, Event, list[NamedHandler]]:
        """The envelope, the event and who handles it; raises :class:`Poison` with the reason."""
        if delivery.damaged:
            raise Poison("damaged_properties")
        stamp = envelope.read(delivery.properties, delivery.body)
        if stamp.type not in self._known:
            raise Poison("unknown_type", stamp.type)
        event, handlers = self._known[stamp.type]
        try:
            return stamp, load(event, stamp.data), handlers
        except Invalid as error:
            faults = ", ".join(f"{fault.field} {fault.code}" for fault in error.faults)
            raise Poison("invalid_data", faults) from None
