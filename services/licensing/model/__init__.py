"""Pools, seats and assignments with their rules."""

from services.licensing.model.assignment import Assignment
from services.licensing.model.base import Base
from services.licensing.model.pool import Grant, Seat, SeatPool
from services.licensing.model.selection import ChoiceRefused, Choosable, ModuleRule

__all__ = ["Assignment", "Base", "ChoiceRefused", "Choosable", "Grant", "ModuleRule", "Seat", "SeatPool"]
