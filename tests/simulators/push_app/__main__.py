"""Runs the push provider's simulator until it is told to stop."""

from __future__ import annotations

import logging
import os

from tests.simulators.serving import configure_logging, wait_for_stop

from .app import PushApp, preload

log = logging.getLogger("simulators.push_app")


def main() -> None:
    """Reads the environment, serves, stops on a signal."""
    configure_logging()
    app = PushApp(
        vendor_number=os.environ.get("PUSH_APP_VENDOR_NUMBER", "SIMVENDOR0000001"),
        api_key=os.environ.get("PUSH_APP_API_KEY", "00000000-1111-2222-3333-444444444444"),
        port=int(os.environ.get("PUSH_APP_PORT", "8091")),
    )
    phones = os.environ.get("PUSH_APP_PHONES")
    if phones:
        log.info("%d phones registered beforehand", preload(app.provider, phones))
    app.start()
    log.info("push app simulator: vendor API %s/vendor/, phones %s/phone/", app.url, app.url)
    wait_for_stop()
    app.stop()


if __name__ == "__main__":
    main()
