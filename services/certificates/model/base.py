"""The base of this service's tables."""

from libs.chassis.database import ServiceBase, new_metadata


class Base(ServiceBase):
    """Every table of ``certificates``."""

    __abstract__ = True
    metadata = new_metadata()
