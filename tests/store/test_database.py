import asyncio

import pytest
from sqlalchemy import text

from domain.errors import StopRecord, SystemUnavailable
from store import audit, snapshots
from store.database import Database
from store.pairs import PairRow
from tests.postgres import TestDatabases
from tests.store.builders import both

pytestmark = pytest.mark.stack


async def test_a_block_that_fails_leaves_nothing_behind(database: Database, pair: PairRow) -> None:
    async def fail_after_writing() -> None:
        async with database.begin() as tx:
            await audit.append(tx, "ines", "pause", pair_id=pair.id)
            raise LookupError

    with pytest.raises(LookupError):
        await fail_after_writing()
    async with database.begin() as tx:
        assert await audit.of_pair(tx, pair.id) == []


async def test_a_migrated_database_passes_the_check(database: Database) -> None:
    await database.check()


async def test_an_unreachable_database_is_one_clear_message_without_the_password() -> None:
    unreachable = Database("postgresql://accord:secret@127.0.0.1:1/accord")
    with pytest.raises(SystemUnavailable, match=r"127\.0\.0\.1:1.*start PostgreSQL") as failure:
        await unreachable.check()
    assert "secret" not in failure.value.message
    assert "\n" not in failure.value.message


async def test_a_database_that_was_never_migrated_is_refused(databases: TestDatabases) -> None:
    async with databases.fresh(template="template0") as url:
        database = Database(url)
        with pytest.raises(SystemUnavailable, match=r"has schema none.*store\.migrate"):
            await database.check()
        await database.close()


async def test_another_programs_schema_is_refused(database: Database) -> None:
    async with database.begin() as tx:
        await tx.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(SystemUnavailable, match="has schema 9999"):
        await database.check()


async def test_a_connection_lost_inside_a_transaction_can_be_tried_again(database: Database) -> None:
    async def lose_the_connection() -> None:
        async with database.begin() as tx:
            await tx.execute(text("SELECT pg_terminate_backend(pg_backend_pid())"))

    with pytest.raises(SystemUnavailable):
        await lose_the_connection()
    await database.check()


async def test_a_pool_with_no_free_connection_says_so(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    crowded = Database(database_url, pool_size=1)
    monkeypatch.setattr(crowded._engine.pool, "_timeout", 0.01)
    async with crowded.begin():
        with pytest.raises(SystemUnavailable, match="all 1 connections are busy"):
            await crowded.check()
    await crowded.close()


async def test_a_text_that_postgresql_cannot_hold_stops_its_record_only(
    database: Database, pair: PairRow
) -> None:
    async def save_a_nul() -> None:
        async with database.begin() as tx:
            await snapshots.save(tx, pair.id, both(summary="broken\0text"))

    with pytest.raises(StopRecord, match="can't hold"):
        await save_a_nul()


async def test_a_transaction_that_does_nothing_for_long_is_ended_by_the_server(database: Database) -> None:
    async with database.begin() as tx:
        assert await tx.scalar(text("SHOW idle_in_transaction_session_timeout")) == "30s"
        assert await tx.scalar(text("SHOW timezone")) == "UTC"


async def test_a_cancelled_transaction_leaves_nothing_behind(database: Database, pair: PairRow) -> None:
    has_written = asyncio.Event()

    async def write_and_wait() -> None:
        async with database.begin() as tx:
            await audit.append(tx, "ines", "pause", pair_id=pair.id)
            has_written.set()
            await tx.execute(text("SELECT pg_sleep(60)"))

    writing = asyncio.create_task(write_and_wait())
    await has_written.wait()
    writing.cancel()
    with pytest.raises(asyncio.CancelledError):
        await writing
    async with database.begin() as tx:
        assert await audit.of_pair(tx, pair.id) == []


async def test_many_transactions_at_once_share_the_pool(database: Database) -> None:
    await asyncio.gather(*(database.check() for _ in range(40)))
