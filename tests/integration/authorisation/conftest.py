"""One world for each service, built when the first test asks for it."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from libs.chassis.clock import ManualClock
from services.orders import settings as orders_settings
from tests.integration.authorisation.world import World
from tests.integration.authorisation.worlds import WORLDS, with_dead_letters
from tests.support.builders.certificates import forget_settings as forget_certificates
from tests.support.builders.identity import forget_settings as forget_identity
from tests.support.databases import Databases
from tests.support.ground import Ground


@pytest.fixture(scope="package")
def world_of(ground: Ground, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[str], World]]:
    """The world of a service: `world_of("orders")`."""
    clock, folder, worlds = ManualClock(), tmp_path_factory.mktemp("documents"), dict[str, World]()
    databases = Databases(ground, clock)

    def world_of(service: str) -> World:
        if service not in worlds:
            worlds[service] = with_dead_letters(WORLDS[service](databases, clock, environment, folder))
        return worlds[service]

    with pytest.MonkeyPatch.context() as environment:
        yield world_of
    databases.close()
    for forget in (
        forget_certificates,
        forget_identity,
        orders_settings.settings.cache_clear,
        orders_settings.store.cache_clear,
    ):
        forget()
