"""What must hold across all services, whatever happened: a program that looks, and changes nothing.

An :class:`~operations.invariants.looking.Invariant` is a name, a sentence, and looks at databases or queues; each file
holds those of one group. :func:`check` takes them all, :func:`under_way` tells whether it is time to.
"""

from operations.installation import Installation
from operations.invariants.checking import INVARIANTS, check, under_way
from operations.invariants.report import Breach, Report, Row
from operations.invariants.snapshots import Unreadable

__all__ = ["INVARIANTS", "Breach", "Installation", "Report", "Row", "Unreadable", "check", "under_way"]
