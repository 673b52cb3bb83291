from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from domain.sides import Pair
from store.database import Database
from tests.activities.world import World, declaration, make_world

Build = Callable[..., Awaitable[World]]


@pytest.fixture
def build(database: Database) -> Build:
    """Builds a world of a declaration, with its pair linked and in step."""

    async def make(
        source: str | None = None,
        *,
        settings: Pair[dict[str, Any]] | None = None,
        linked: bool = True,
        **words: Any,
    ) -> World:
        world = make_world(database, settings, **words)
        await world.declare(source or declaration())
        if linked:
            await world.link()
            await world.settle()
        return world

    return make
