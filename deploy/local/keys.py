"""The installation's key pairs, made once and kept in files that only their owner may read."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from deploy.local.machine import private_folder, write_private


@dataclass(frozen=True, kw_only=True)
class KeyPair:
    """Two PEM files."""

    private: Path
    public: Path


def key_pair(folder: Path, name: str, generate: Callable[[], tuple[str, str]]) -> KeyPair:
    """The named pair of the folder; made by `generate`, which returns private and public PEM, where it is missing."""
    pair = KeyPair(private=private_folder(folder) / f"{name}.pem", public=folder / f"{name}.public.pem")
    if not (pair.private.exists() and pair.public.exists()):
        private, public = generate()
        write_private(pair.private, private)
        write_private(pair.public, public)
    return pair
