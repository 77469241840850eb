"""The rules of challenges; no input, no output."""

from services.mfa.model.account import KnownAccount
from services.mfa.model.base import Base
from services.mfa.model.challenge import OPEN, Challenge, Settled, State
from services.mfa.model.phone import in_international_form
from services.mfa.model.policy import PushPolicy

__all__ = ["OPEN", "Base", "Challenge", "KnownAccount", "PushPolicy", "Settled", "State", "in_international_form"]
