"""Runs the bank simulator until it is told to stop."""

from __future__ import annotations

import logging
import os

from tests.simulators.bank.app import create_app
from tests.simulators.serving import HOST, WebServer, configure_logging, wait_for_stop

log = logging.getLogger("simulators.bank")


def main() -> None:
    """Reads the environment, serves, stops on a signal."""
    configure_logging()
    server = WebServer(create_app(), port=int(os.environ.get("BANK_PORT", "8040")))
    server.start()
    log.info("bank simulator: http://%s:%d/", HOST, server.port)
    wait_for_stop()
    server.stop()


if __name__ == "__main__":
    main()
