"""The register of every mail."""

from services.notifications.model.base import Base
from services.notifications.model.mail import Attachment, Mail

__all__ = ["Attachment", "Base", "Mail"]
