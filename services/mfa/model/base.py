"""The declarative base of this service's tables."""

from libs.chassis.database import ServiceBase, new_metadata


class Base(ServiceBase):
    """All tables of this service."""

    __abstract__ = True
    metadata = new_metadata()
