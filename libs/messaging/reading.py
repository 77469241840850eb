"""From a delivered message to an event and its handlers."""

from libs.contracts.base import Event, load
from libs.contracts.errors import Invalid
from libs.messaging import envelope
from libs.messaging.envelope import Envelope, Poison
from libs.messaging.jobs import NamedHandler, Subscriptions
from libs.messaging.link import Delivery
from libs.messaging.topology import exchange_of, inner_exchange_of


class Reader:
    """Reads the events a service has subscribed to; anything else is poison."""

    def __init__(self, service: str, subscriptions: Subscriptions) -> None:
        self._inner = inner_exchange_of(service)
        self._known: dict[str, tuple[type[Event], list[NamedHandler]]] = {}
        for event, handlers in subscriptions.items():
            several = [handlers] if callable(handlers) else list(handlers)
            self._known[event.TYPE] = (event, [NamedHandler.of(handler) for handler in several])

    @property
    def types(self) -> set[str]:
        """The event types that are heard."""
        return set(self._known)

    def check_sender(self, delivery: Delivery) -> None:
        """Hold the type in the stamp against the way it came, its body unread; raises :class:`Poison`."""
        if delivery.damaged:
            raise Poison("damaged_properties")
        event_type = type_of(delivery)
        if delivery.exchange != self._inner and (delivery.exchange, delivery.routing_key) != _way_of(event_type):
            # the broker lets a service publish only its own types; the type in the stamp must not say another
            raise Poison("wrong_sender", f"{event_type} came by {delivery.exchange}")

    def read(self, delivery: Delivery) -> tuple[Envelope, Event, list[NamedHandler]]:
        """The envelope, the event and who handles it; raises :class:`Poison` with the reason."""
        self.check_sender(delivery)
        stamp = envelope.read(delivery.properties, delivery.body)
        if stamp.type not in self._known:
            raise Poison("unknown_type", stamp.type)
        event, handlers = self._known[stamp.type]
        try:
            return stamp, load(event, stamp.data), handlers
        except Invalid as error:
            faults = ", ".join(f"{fault.field} {fault.code}" for fault in error.faults)
            raise Poison("invalid_data", faults) from None


def type_of(delivery: Delivery) -> str:
    """The event type as the stamp says it; the routing key where there is no stamp."""
    return str(delivery.headers.get(envelope.PREFIX + "type", delivery.routing_key))


def _way_of(event_type: str) -> tuple[str, str]:
    return exchange_of(event_type), event_type
