"""The bare nameko service: one method that answers what it was asked. All of it is nameko's own.

python -m tests.benchmarks.yardsticks.echo
"""

from __future__ import annotations

import os
import signal
from typing import Any

from libs.messaging.process import patch_for_eventlet, stay_small

SERVICE = "bench_echo"


def main() -> None:
    """Serve until told to stop."""
    stay_small()
    patch_for_eventlet()

    import eventlet
    from nameko.rpc import rpc
    from nameko.runners import ServiceRunner

    from libs.chassis.waits import process_waits
    from libs.messaging.link import Link
    from libs.messaging.topology import REPLIES, RPC_EXCHANGE

    class Echo:
        name = SERVICE

        @rpc
        def echo(self, request: Any) -> Any:
            return request

    # nameko answers at the exchange of the requests, our callers wait at another
    link = Link(os.environ["AMQP_URL"], name=SERVICE)
    link.open()
    link.channel.exchange_bind(REPLIES, RPC_EXCHANGE, "*")
    link.close()
    runner = ServiceRunner({"AMQP_URI": os.environ["AMQP_URL"], "max_workers": process_waits().rpc_workers})
    runner.add_service(Echo)
    stopping: list[int] = []
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda got, _frame: stopping.append(got))
    runner.start()
    while not stopping:
        eventlet.sleep(0.1)
    runner.stop()


if __name__ == "__main__":
    main()
