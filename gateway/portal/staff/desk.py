"""The blueprint that the topics of this journey share."""

from typing import Any

from gateway.portal import journey as journeys
from gateway.security.guards import role

journey = journeys.new("gateway.portal.staff.views")
Page = tuple[str, int] | Any

finance = role("finance", "admin")
official = role("official", "admin")
clerk = role("clerk", "admin")
admin = role("admin")
