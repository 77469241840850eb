"""How long the request of a thread waited for that thread."""

import threading

_here = threading.local()


def note_wait(seconds: float) -> None:
    """Note it; told by the server before it calls the application."""
    _here.seconds = seconds


def waited() -> float:
    """Seconds; 0 under a server that does not tell."""
    seconds: float = getattr(_here, "seconds", 0.0)
    return seconds
