"""HTTP whose whole exchange ends in time: headers and content together, however slowly they drip."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from requests.adapters import HTTPAdapter
from urllib3 import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.connection import HTTPConnection, HTTPSConnection

from libs.chassis.cut_off import CutOff

_of_thread = threading.local()


@contextmanager
def bounded(seconds: float) -> Iterator[CutOff]:
    """What this thread exchanges inside is over after so many seconds; ``fired`` tells whether it had to be ended."""
    cut_off = _of_thread.cut_off = CutOff()
    cut_off.within(seconds)
    try:
        yield cut_off
    finally:
        cut_off.cancel()
        _of_thread.cut_off = None


class BoundedAdapter(HTTPAdapter):
    """Connections that `bounded` can end."""

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        """Have pools make such connections."""
        super().init_poolmanager(*args, **kwargs)
        self.poolmanager.pool_classes_by_scheme = {"http": _Pool, "https": _TlsPool}


class _Guarded:
    sock: Any

    def getresponse(self) -> Any:
        cut_off: CutOff | None = getattr(_of_thread, "cut_off", None)
        if cut_off is not None:
            cut_off.guard(self.sock)
        return super().getresponse()  # type: ignore[misc]  # a connection class stands behind this one


class _Connection(_Guarded, HTTPConnection):
    """Plain."""


class _TlsConnection(_Guarded, HTTPSConnection):
    """Encrypted."""


class _Pool(HTTPConnectionPool):
    ConnectionCls = _Connection


class _TlsPool(HTTPSConnectionPool):
    ConnectionCls = _TlsConnection
