"""Settings of the licensing service."""

from functools import cache
from zoneinfo import ZoneInfo

import environ

from libs.chassis import settings as of_process


@environ.config(prefix="")
class LicensingSettings:
    """``TIME_ZONE`` says where a day begins and a seat's last day ends."""

    time_zone: ZoneInfo = environ.var("Europe/Sofia", converter=ZoneInfo)


@cache
def settings() -> LicensingSettings:
    """The settings of this process."""
    return environ.to_config(LicensingSettings)


def require(process: str) -> None:
    """Load everything that the process will need; raises :class:`NotReady`."""
    of_process.require("TIME_ZONE", settings)
