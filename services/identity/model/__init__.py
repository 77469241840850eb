"""The aggregates of identity; importing this package knows every table."""

from services.identity.model.account import Account
from services.identity.model.base import Base
from services.identity.model.credential import Credential
from services.identity.model.membership import Membership
from services.identity.model.organisation import Organisation
from services.identity.model.session import Session
from services.identity.model.sign_in import SignIn
from services.identity.model.throttle import Throttle

__all__ = ["Account", "Base", "Credential", "Membership", "Organisation", "Session", "SignIn", "Throttle"]
