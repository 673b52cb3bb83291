import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import NullPool, create_engine

from domain.errors import SystemUnavailable
from store import migrate
from store.revision import head
from store.schema import metadata
from tests.postgres import TestDatabases

pytestmark = pytest.mark.stack


@pytest.fixture
async def empty_url(databases: TestDatabases) -> AsyncIterator[str]:
    async with databases.fresh(template="template0") as url:
        yield url


async def test_an_empty_database_is_brought_to_the_head(empty_url: str) -> None:
    assert migrate.current(empty_url) is None
    migrate.upgrade(empty_url)
    assert migrate.current(empty_url) == head()


async def test_an_upgrade_can_be_repeated(empty_url: str) -> None:
    migrate.upgrade(empty_url)
    migrate.upgrade(empty_url)
    assert migrate.current(empty_url) == head()


async def test_a_missing_database_is_created(databases: TestDatabases) -> None:
    try:
        migrate.upgrade(databases.server.url("made-by-migrate"))
        assert migrate.current(databases.server.url("made-by-migrate")) == head()
    finally:
        await databases.run('DROP DATABASE "made-by-migrate"')


async def test_two_deployments_can_migrate_at_once(empty_url: str) -> None:
    await asyncio.gather(*(asyncio.to_thread(migrate.upgrade, empty_url) for _ in range(2)))
    assert migrate.current(empty_url) == head()


async def test_the_metadata_is_what_the_migrations_make(database_url: str) -> None:
    engine = create_engine(database_url, poolclass=NullPool)
    with engine.connect() as connection:
        options = {"compare_type": True, "include_object": _is_no_partition}
        differences = compare_metadata(MigrationContext.configure(connection, opts=options), metadata)
    assert differences == []


def _is_no_partition(_: Any, name: str | None, *__: Any) -> bool:
    return not (name or "").startswith("field_versions_")


async def test_an_unreachable_server_is_one_clear_message_without_the_password() -> None:
    with pytest.raises(SystemUnavailable, match="start PostgreSQL") as failure:
        migrate.upgrade("postgresql://accord:secret@127.0.0.1:1/accord")
    assert "secret" not in failure.value.message
    assert "127.0.0.1:1" in failure.value.message


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("", "migrate: ACCORD_DATABASE_URL: the URL of the database belongs here"),
        ("postgresql://u:hidden@127.0.0.1:1/accord", r"migrate: database .*start PostgreSQL"),
    ],
)
def test_the_command_says_in_one_message_what_is_wrong(
    monkeypatch: pytest.MonkeyPatch, url: str, message: str
) -> None:
    monkeypatch.setenv("ACCORD_DATABASE_URL", url)
    with pytest.raises(SystemExit, match=message) as ended:
        migrate.main()
    assert "hidden" not in str(ended.value)
