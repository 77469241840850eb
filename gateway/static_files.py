"""Fingerprints of static files, so that browsers may keep them for good."""

import hashlib
from pathlib import Path


class Fingerprints:
    """A short digest of each static file, read once."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._known: dict[str, str] = {}

    def of(self, filename: str) -> str:
        """The digest of one file; a name that does not exist is a mistake of the template and raises."""
        if filename not in self._known:
            self._known[filename] = hashlib.sha256((self._folder / filename).read_bytes()).hexdigest()[:12]
        return self._known[filename]
