"""The relay of `orders` and nothing else, as its worker runs it.

python -m tests.benchmarks.programs.relay
"""

from __future__ import annotations

import os
import signal
import threading

from libs.chassis.database import create_engine
from libs.chassis.logging import configure
from libs.chassis.waits import process_waits
from libs.messaging.publisher import Publisher
from libs.messaging.relay import Relay
from libs.messaging.wakeups import Wakeups


def main() -> None:
    """Forward the outbox until told to stop."""
    configure("bench-relay")
    url = os.environ["ORDERS_DATABASE_URL"]
    publisher = Publisher(os.environ["AMQP_URL"], name="bench relay")
    relay = Relay(create_engine(url, pool_size=2, pre_ping=False), publisher)
    wakeups = Wakeups(url, on_outbox=relay.wake, on_job=lambda _name: None, on_connect=relay.wake)
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    publisher.start()
    relay.start()
    wakeups.start()
    stop.wait()
    wakeups.stop()
    relay.stop(process_waits().stop_seconds)
    publisher.stop()


if __name__ == "__main__":
    main()
