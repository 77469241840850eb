"""The migrations and the model speak of the same tables."""

from services.mfa.model import Base
from tests.support.databases import Databases
from tests.support.migrations import differences, tables_after_going_back


def test_the_migrations_make_what_the_model_speaks_of(service_database: Databases) -> None:
    assert differences(service_database("mfa"), Base.metadata) == []


def test_the_migrations_can_be_taken_back(service_database: Databases) -> None:
    assert tables_after_going_back(service_database("mfa")) == set()
