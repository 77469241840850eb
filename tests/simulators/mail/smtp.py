"""The SMTP side: accepts, refuses, puts off or dawdles as the inbox's behaviour says."""

from __future__ import annotations

import asyncio
import socket
from typing import Any

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session

from tests.simulators.serving import HOST

from .inbox import Inbox

MAX_BYTES = 40 * 1024 * 1024


class Porter:
    """aiosmtpd's hooks over an inbox."""

    def __init__(self, inbox: Inbox) -> None:
        self._inbox = inbox

    async def handle_RCPT(  # the library's name for the hook
        self, _server: SMTP, _session: Session, envelope: Envelope, address: str, _options: list[str]
    ) -> str:
        """Refuses the recipients that are to be refused."""
        if address.casefold() in (refused.casefold() for refused in self._inbox.behaviour.refused_recipients):
            return "550 5.1.1 No such mailbox"
        envelope.rcpt_tos.append(address)
        return "250 2.1.5 OK"

    async def handle_DATA(self, server: SMTP, _session: Session, envelope: Envelope) -> str:  # the same
        """Keeps the letter, unless it is put off."""
        behaviour = self._inbox.behaviour
        if behaviour.slow_seconds:
            await asyncio.sleep(behaviour.slow_seconds)
        if self._inbox.put_off_next():
            return "451 4.3.0 Try again later"
        content = envelope.content
        raw = content.encode("utf-8") if isinstance(content, str) else content or b""
        self._inbox.receive(raw, envelope.mail_from or "", [str(address) for address in envelope.rcpt_tos])
        if behaviour.drop_after_data:
            _hang_up(server)
        return "250 2.0.0 Kept"


def _hang_up(server: SMTP) -> None:
    transport: Any = server.transport
    if transport is not None:
        transport.abort()


class SmtpServer:
    """Runs the SMTP server in a thread; port 0 takes a free one."""

    def __init__(self, inbox: Inbox, port: int = 0) -> None:
        self.port = port or _free_port()
        self._controller = Controller(
            Porter(inbox), hostname=HOST, port=self.port, data_size_limit=MAX_BYTES, enable_SMTPUTF8=True
        )

    def start(self) -> None:
        """Begins to accept letters."""
        self._controller.start()

    def stop(self) -> None:
        """Closes the line."""
        self._controller.stop()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        port: int = probe.getsockname()[1]
        return port
