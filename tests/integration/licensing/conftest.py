"""A firm in a licensing database of its own."""

from __future__ import annotations

import pytest

from tests.support.builders.licensing import Broker
from tests.support.databases import Databases


@pytest.fixture
def broker_firm(service_database: Databases) -> Broker:
    """An insurance broker that holds nothing yet."""
    return Broker(database=service_database("licensing"))
