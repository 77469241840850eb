"""The bare nameko service: one method that answers what it was asked.

Consumer, workers and responder are nameko's own. Only where the answer goes is ours: the gateway's bus asks to be
answered by RabbitMQ's direct reply-to, which is reached through the default exchange.

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
    from kombu import Exchange
    from nameko.rpc import Responder, Rpc, RpcConsumer
    from nameko.runners import ServiceRunner

    from libs.messaging.rim import MAX_WORKERS

    class DirectConsumer(RpcConsumer):
        def handle_result(self, message: Any, result: Any, exc_info: Any) -> Any:
            responder = Responder(self.container.config["AMQP_URI"], Exchange(""), "json", message)
            result, exc_info = responder.send_response(result, exc_info)
            self.queue_consumer.ack_message(message)
            return result, exc_info

    class DirectRpc(Rpc):
        rpc_consumer = DirectConsumer()

    class Echo:
        name = SERVICE

        @DirectRpc.decorator
        def echo(self, request: Any) -> Any:
            return request

    runner = ServiceRunner({"AMQP_URI": os.environ["AMQP_URL"], "max_workers": MAX_WORKERS})
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
