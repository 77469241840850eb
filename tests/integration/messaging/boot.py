"""Runs a process of the example service as ``libs.messaging.process`` runs those of the real ones."""

import os
import sys
from pathlib import Path

import services

services.__path__.append(str(Path(__file__).parent / "example"))

from libs.messaging.process import main  # noqa: E402  # the example must be found first

if given := os.environ.get("LENDING_LADDER"):
    from libs.messaging import topology

    topology.LADDER = tuple(float(delay) for delay in given.split())  # type: ignore[assignment]  # so many rungs as wanted

sys.exit(main())
