"""The migrations make exactly the tables the model speaks of."""

from __future__ import annotations

from services.licensing import projections
from services.licensing.model import Base
from tests.support.databases import Databases
from tests.support.migrations import differences, tables_after_going_back


def test_migrations_and_model_agree(service_database: Databases) -> None:
    assert projections.Base is Base
    assert differences(service_database("licensing"), Base.metadata) == []


def test_migrations_can_be_taken_back(service_database: Databases) -> None:
    assert tables_after_going_back(service_database("licensing")) == set()
