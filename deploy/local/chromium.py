"""The browser of the end-to-end tests: the machine's Chromium, else one that is installed, else Playwright's own.

python -m deploy.local.chromium
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

from deploy.local.errors import CannotStart
from deploy.local.machine import Say, tell

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
ADVICE = "install the package chromium, or allow the download that `.venv/bin/playwright install chromium` makes"


def find() -> Path | None:
    """A Chromium that really starts; Ubuntu's package is a signpost to a snap that may not be there."""
    for name in NAMES:
        path = shutil.which(name)
        if path and _works(Path(path)):
            return Path(path)
    own = _playwrights()
    return own if own is not None and _works(own) else None


def ensure(say: Say) -> Path:
    """Return a Chromium, installing one where none is found; never skips in silence."""
    found = find()
    if found is None and os.geteuid() == 0 and shutil.which("apt-get"):
        say("installing Chromium from the distribution")
        _run(["apt-get", "-q", "update"])
        _run(["apt-get", "-q", "install", "-y", "--no-install-recommends", "chromium"])
        found = find()
    if found is None:
        say("downloading Playwright's own Chromium")
        # Its libraries can be installed by root only; most desktops have them.
        extra = ["--with-deps"] if os.geteuid() == 0 and shutil.which("apt-get") else []
        _run([sys.executable, "-m", "playwright", "install", *extra, "chromium"])
        found = find()
    if found is None:
        raise CannotStart(f"There is no Chromium that starts, and none could be installed: {ADVICE}.")
    return found


def _playwrights() -> Path | None:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        path = Path(playwright.chromium.executable_path)
    return path if path.exists() else None


def _works(path: Path) -> bool:
    return _run([str(path), "--version"], seconds=30)


def _run(command: list[str], *, seconds: float = 900) -> bool:
    env = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    try:
        done = subprocess.run(command, env=env, capture_output=True, timeout=seconds, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return False
    return done.returncode == 0


def main() -> int:
    """Make sure that there is one, and say which."""
    try:
        path = ensure(tell)
    except CannotStart as error:
        sys.stderr.write(f"{error}\n")
        return 1
    sys.stdout.write(f"Chromium: {path}\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
