"""Serves the requests of several services in one process, each as its own process would.

python -m tests.faults.every_rpc orders licensing …
"""

from __future__ import annotations

import sys

from libs.messaging.process import patch_for_eventlet, run_rpc, stay_small


def main(services: list[str]) -> None:
    """Serve until killed."""
    stay_small()
    patch_for_eventlet()

    import eventlet

    serving = [eventlet.spawn(run_rpc, service) for service in services]
    while not any(one.dead for one in serving):
        eventlet.sleep(0.1)
    sys.exit("one of the services ended")


if __name__ == "__main__":
    main(sys.argv[1:])
