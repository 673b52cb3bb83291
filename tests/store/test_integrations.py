import asyncio

import pytest

from store import integrations
from store.database import Database

pytestmark = pytest.mark.stack


async def test_each_new_text_is_a_new_version(database: Database) -> None:
    async with database.begin() as tx:
        assert await integrations.apply(tx, "incidents", "first", "ines") == 1
        assert await integrations.apply(tx, "incidents", "second", "ines") == 2
        assert await integrations.current(tx, "incidents") == (2, "second")
        assert await integrations.get(tx, "incidents", 1) == "first"


async def test_the_same_text_keeps_its_version(database: Database) -> None:
    async with database.begin() as tx:
        assert await integrations.apply(tx, "incidents", "first", "ines") == 1
        assert await integrations.apply(tx, "incidents", "first", "tom") == 1


async def test_a_text_that_returns_is_a_new_version(database: Database) -> None:
    async with database.begin() as tx:
        versions = [await integrations.apply(tx, "incidents", text, "ines") for text in ("x", "y", "x")]
    assert versions == [1, 2, 3]


async def test_the_text_is_kept_verbatim(database: Database) -> None:
    source = "name: incidents  # Störung\n\tfields: []\r\n"
    async with database.begin() as tx:
        await integrations.apply(tx, "incidents", source, "ines")
        assert await integrations.get(tx, "incidents", 1) == source


async def test_two_owners_who_apply_at_once_get_two_versions(database: Database) -> None:
    async def apply(source: str) -> int:
        async with database.begin() as tx:
            return await integrations.apply(tx, "incidents", source, "ines")

    assert sorted(await asyncio.gather(*(apply(f"text {n}") for n in range(5)))) == [1, 2, 3, 4, 5]


async def test_what_was_never_applied_has_no_version(database: Database) -> None:
    async with database.begin() as tx:
        assert await integrations.current(tx, "incidents") is None
        assert await integrations.get(tx, "incidents", 1) is None


async def test_all_current_versions_by_name(database: Database) -> None:
    async with database.begin() as tx:
        for name, source in (("problems", "p1"), ("incidents", "i1"), ("incidents", "i2")):
            await integrations.apply(tx, name, source, "ines")
        assert await integrations.all_current(tx) == {"incidents": (2, "i2"), "problems": (1, "p1")}
