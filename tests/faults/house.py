"""Real processes of real services on a broker and databases of one test, stopped and started one by one."""

from __future__ import annotations

import json
import os
import signal
import sys
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from deploy.local.machine import HOST, ROOT, Child, free_port
from tests.support.databases import ServiceDatabase
from tests.support.eventually import eventually

START_SECONDS = 60


@dataclass
class House:
    """Programs are named as in the stack: `orders-rpc`, `orders-worker`."""

    folder: Path
    amqp_url: str
    databases: Callable[[str], ServiceDatabase]
    public_key: str = ""
    environment: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.children: dict[str, Child] = {}
        self._ports: dict[str, int] = {}

    def start_program(self, name: str, *, environment: Mapping[str, str] | None = None, copy: str = "") -> str:
        """Start a program, without waiting for it; `copy` tells several of one kind apart. Its name in `children`."""
        service, _, kind = name.partition("-")
        known = name + copy
        child = self.children.setdefault(known, Child(known, self.folder / "logs"))
        self._ports[known] = free_port()
        child.start(
            [sys.executable, "-m", "libs.messaging.process", service, kind],
            env={
                **os.environ,
                "LOG_FORMAT": "json",
                "AMQP_URL": self.amqp_url,
                "PRINCIPAL_PUBLIC_KEY": self.public_key,
                f"{service.upper()}_DATABASE_URL": self.databases(service).url,
                "HEALTH_PORT": str(self._ports[known]),
                **self.environment,
                **(environment or {}),
            },
            cwd=ROOT,
        )
        return known

    def start(self, *names: str, environment: Mapping[str, str] | None = None) -> None:
        """Start programs and wait until all of them work."""
        for name in names:
            self.start_program(name, environment=environment)
        for name in names:
            self.wait_ready(name)

    def wait_ready(self, name: str) -> None:
        """Wait until a program says that it is ready."""

        def ready() -> bool:
            child = self.children[name]
            if not child.running:
                raise RuntimeError(f"{name} ended with {child.exit_code}: {child.tail(8)}")
            return self._answers(name)

        eventually(ready, START_SECONDS)

    def _answers(self, name: str) -> bool:
        try:
            with urllib.request.urlopen(f"http://{HOST}:{self._ports[name]}/readyz", timeout=5) as answer:
                return bool(answer.status == 200)
        except (OSError, urllib.error.URLError):
            return False

    def wait_end(self, name: str, timeout: float = 30) -> int:
        """Wait until a program has ended; 0, or the signal that killed it as a negative number."""
        child = self.children[name]
        eventually(lambda: child.exit_code is not None, timeout)
        code = child.exit_code
        assert code is not None
        if code > 0:
            raise RuntimeError(f"{name} ended with {code}: {child.tail(8)}")
        return code

    def ask_to_stop(self, name: str) -> None:
        """Send SIGTERM, as an orchestrator does."""
        self.children[name].signal(signal.SIGTERM)

    def stop_program(self, name: str, *, kill: bool = False) -> int:
        """Stop a program, or kill it; as `wait_end`."""
        self.children[name].signal(signal.SIGKILL if kill else signal.SIGTERM)
        return self.wait_end(name)

    def log(self, name: str) -> list[dict[str, Any]]:
        """What a program logged, over all its lives."""
        lines = self.children[name].log.read_text(errors="replace").splitlines()
        return [json.loads(line) if line.startswith("{") else {"event": line} for line in lines]

    def wait_for(self, name: str, words: str) -> None:
        """Wait until a program logs something with these words."""
        eventually(lambda: words in self.children[name].log.read_text(errors="replace"), 30)

    def close(self) -> None:
        """End everything."""
        for child in self.children.values():
            child.signal(signal.SIGKILL)
        for child in self.children.values():
            child.stop(signal.SIGKILL)
