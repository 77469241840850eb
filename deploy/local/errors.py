"""What stops the local stack, said in one sentence."""

from __future__ import annotations


class CannotStart(Exception):
    """Something on this machine is missing or taken; the message is one sentence for the person at the terminal."""
