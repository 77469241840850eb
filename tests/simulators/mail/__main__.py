"""Runs the mail simulator until it is told to stop."""

from __future__ import annotations

import logging
import os

from tests.simulators.serving import HOST, configure_logging, wait_for_stop

from .app import MailServer

log = logging.getLogger("simulators.mail")


def main() -> None:
    """Reads the environment, serves, stops on a signal."""
    configure_logging()
    logging.getLogger("mail.log").setLevel(logging.WARNING)
    server = MailServer(
        smtp_port=int(os.environ.get("MAIL_SMTP_PORT", "8025")), web_port=int(os.environ.get("MAIL_WEB_PORT", "8092"))
    ).start()
    log.info("mail simulator: SMTP on %s:%d, inbox %s/", HOST, server.smtp_port, server.url)
    wait_for_stop()
    server.stop()


if __name__ == "__main__":
    main()
