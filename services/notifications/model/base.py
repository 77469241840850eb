"""The metadata of the notifications database."""

from libs.chassis.database import ServiceBase, new_metadata


class Base(ServiceBase):
    """Every table of this service."""

    __abstract__ = True
    metadata = new_metadata()
