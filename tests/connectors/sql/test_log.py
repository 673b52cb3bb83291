"""The log as a stream: nothing is lost, whatever ends in the middle."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import aclosing, asynccontextmanager
from itertools import pairwise

import psycopg
import pytest

from connectors.base import StreamBatch
from connectors.sql import log
from connectors.sql.connector import SqlConnector
from connectors.sql.log import Position
from domain.errors import ConfigError, SystemUnavailable
from domain.records import ChangeNotice
from tests.connectors.sql.house import SqlHarness
from tests.postgres import TestDatabases

pytestmark = pytest.mark.stack

Stream = AsyncGenerator[StreamBatch, None]


@asynccontextmanager
async def streaming(
    connector: SqlConnector, position: str | None = None, types: Sequence[str] = ("ticket",)
) -> AsyncIterator[tuple[Stream, StreamBatch]]:
    """The stream, and its first batch: from then on nothing is missed."""
    async with aclosing(connector.stream_changes(types, position)) as stream:
        yield stream, await anext(stream)


async def next_told(stream: Stream) -> StreamBatch:
    """The next batch that tells something; the pytest time-out is our patience."""
    async for batch in stream:
        if batch.notices:
            return batch
    raise AssertionError("a stream doesn't end")


async def told_until_quiet(stream: Stream) -> tuple[list[ChangeNotice], str]:
    notices: list[ChangeNotice] = []
    reached = ""
    async for batch in stream:
        notices += batch.notices
        if batch.position == reached and not batch.notices:
            return notices, reached
        reached = batch.position
    raise AssertionError("a stream doesn't end")


async def confirmed(desk: SqlHarness) -> int:
    ((place,),) = await desk.run(
        "SELECT (confirmed_flush_lsn - '0/0')::bigint FROM pg_replication_slots WHERE database = current_database()"
    )
    return int(place)


async def test_every_kind_of_change_is_told_with_the_version_that_a_read_shows(desk: SqlHarness) -> None:
    async with streaming(desk.connector) as (stream, _):
        ref = await desk.a_record()
        created = await desk.connector.read(ref)
        await desk.person_edits(ref, {"title": "緊急"})
        edited = await desk.connector.read(ref)
        await desk.person_deletes(ref)
        told, _ = await told_until_quiet(stream)
    assert [(n.ref, n.kind, n.version) for n in told] == [
        (ref, "created", created.version),
        (ref, "changed", edited.version),
        (ref, "deleted", None),
    ]
    assert {n.source for n in told} == {"stream"}


async def test_our_own_write_is_told_as_the_version_that_it_answered(desk: SqlHarness) -> None:
    seen = await desk.connector.read(await desk.a_record())
    async with streaming(desk.connector) as (stream, _):
        result = await desk.connector.update(seen, {"title": "ours"}, marker="w")
        told = await next_told(stream)
    assert [n.version for n in told.notices] == [result.version]


async def test_a_version_column_is_told_from_the_row(desk: SqlHarness) -> None:
    connector = desk.open(tables={"ticket": {"version": "lock_version"}})
    ref = await desk.a_record()
    async with streaming(connector) as (stream, _):
        await desk.person_edits(ref, {"title": "x"})
        told = await next_told(stream)
    assert [n.version for n in told.notices] == [(await connector.read(ref)).version] == ["2"]


async def test_a_changed_id_is_a_deletion_and_a_creation(desk: SqlHarness) -> None:
    ref = await desk.a_record()
    async with streaming(desk.connector) as (stream, _):
        await desk.run("UPDATE ticket SET id = 4711")
        told = await next_told(stream)
    assert [(n.ref, n.kind) for n in told.notices] == [(ref, "deleted"), (desk.ref(4711), "created")]


async def test_what_was_rolled_back_is_not_told(desk: SqlHarness) -> None:
    async with streaming(desk.connector) as (stream, _):
        async with await psycopg.AsyncConnection.connect(desk.url) as person:
            await person.execute("INSERT INTO ticket (title) VALUES ('never')")
            await person.rollback()
        ref = await desk.a_record()
        told = await next_told(stream)
    assert [n.ref for n in told.notices] == [ref]


async def test_a_stream_goes_on_behind_the_batch_that_was_kept(desk: SqlHarness) -> None:
    async with streaming(desk.connector) as (stream, _):
        await desk.a_record()
        kept = await next_told(stream)
        second = await desk.a_record()
    third = await desk.a_record()
    async with streaming(desk.connector, kept.position) as (stream, first):
        told, _ = await told_until_quiet(stream)
    assert first.gap == ""
    assert [n.ref for n in told] == [second, third]


async def test_what_was_handed_out_but_not_kept_comes_again(desk: SqlHarness) -> None:
    async with streaming(desk.connector) as (stream, begun):
        ref = await desk.a_record()
        await next_told(stream)
    async with streaming(desk.connector, begun.position) as (stream, _):
        told = await next_told(stream)
    assert [n.ref for n in told.notices] == [ref]


async def test_the_slot_moves_only_once_the_next_batch_is_asked_for(desk: SqlHarness) -> None:
    async with streaming(desk.connector) as (stream, begun):
        await desk.a_record()
        told = await next_told(stream)
        assert await confirmed(desk) == Position.model_validate_json(begun.position).place
        await anext(stream)
        assert await confirmed(desk) == Position.model_validate_json(told.position).place


async def test_a_big_transaction_comes_in_parts_and_is_taken_up_in_its_middle(desk: SqlHarness) -> None:
    async with streaming(desk.connector) as (stream, _):
        await desk.run("INSERT INTO ticket (title) SELECT 'bulk' FROM generate_series(1, 12000)")
        after = await desk.a_record()
        parts = [await next_told(stream) for _ in range(3)]
    async with streaming(desk.connector, parts[-1].position) as (stream, _):
        rest, _ = await told_until_quiet(stream)
    told = [notice for part in parts for notice in part.notices] + rest
    assert all(len(part.notices) == log.NOTICES for part in parts)
    assert len(told) == len({n.ref for n in told}) == 12_001
    assert told[-1].ref == after


async def test_backlog_of_many_transactions_is_told_in_order(desk: SqlHarness) -> None:
    async with streaming(desk.connector) as (_, begun):
        refs = [await desk.a_record() for _ in range(30)]
    async with streaming(desk.connector, begun.position) as (stream, _):
        told, _ = await told_until_quiet(stream)
    assert [n.ref for n in told] == refs


async def test_a_connection_lost_in_the_middle_is_an_outage_and_loses_nothing(desk: SqlHarness) -> None:
    async with streaming(desk.connector) as (stream, begun):
        await desk.run("INSERT INTO ticket (title) SELECT 'bulk' FROM generate_series(1, 12000)")
        part = await next_told(stream)
        await desk.cut_connections()
        with pytest.raises(SystemUnavailable):
            await told_until_quiet(stream)
    async with streaming(desk.connector, part.position) as (stream, first):
        rest, _ = await told_until_quiet(stream)
    assert begun.gap == first.gap == ""
    assert len({n.ref for n in [*part.notices, *rest]}) == 12_000


async def test_a_slot_that_was_lost_is_made_anew_and_the_gap_is_told(desk: SqlHarness) -> None:
    async with streaming(desk.connector) as (_, begun):
        pass
    await desk.drop_slots()
    await desk.a_record()
    async with streaming(desk.connector, begun.position) as (stream, first):
        assert "lost" in first.gap
        ref = await desk.a_record()
        told = await next_told(stream)
    assert [n.ref for n in told.notices] == [ref]
    async with streaming(desk.connector, told.position) as (_, again):
        assert again.gap == ""


async def test_a_slot_that_the_server_gave_up_is_replaced_by_the_next_attempt(
    desk: SqlHarness, databases: TestDatabases
) -> None:
    async with streaming(desk.connector) as (stream, begun):
        await databases.run("ALTER SYSTEM SET max_slot_wal_keep_size = '1MB'")
        try:
            await desk.run("SELECT pg_reload_conf()")
            for _ in range(3):
                await desk.run("CREATE TABLE IF NOT EXISTS filler (x text); SELECT pg_switch_wal()")
                await desk.run("INSERT INTO filler SELECT repeat('x', 1000) FROM generate_series(1, 20000)")
            await databases.run("CHECKPOINT")
        finally:
            await databases.run("ALTER SYSTEM RESET max_slot_wal_keep_size")
            await desk.run("SELECT pg_reload_conf()")
        with pytest.raises(SystemUnavailable):
            await told_until_quiet(stream)
    async with streaming(desk.connector, begun.position) as (_, first):
        assert "lost" in first.gap


async def test_a_database_that_was_restored_is_noticed(desk: SqlHarness) -> None:
    async with streaming(desk.connector):
        pass
    beyond = Position(place=2**62).model_dump_json()
    async with streaming(desk.connector, beyond) as (_, first):
        assert "restored" in first.gap


async def test_log_that_concerns_others_is_not_held_for_ever(
    desk: SqlHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(log, "HELD", 1000)
    async with streaming(desk.connector) as (stream, begun):
        before = await confirmed(desk)
        await desk.run("CREATE TABLE elsewhere AS SELECT * FROM generate_series(1, 1000)")
        quiet = [await anext(stream) for _ in range(3)]
        assert await confirmed(desk) > before + 1000
        ref = await desk.a_record()
        told = await next_told(stream)
    places = [Position.model_validate_json(b.position).place for b in [begun, *quiet, told]]
    assert all(earlier <= later for earlier, later in pairwise(places))
    assert [n.ref for n in told.notices] == [ref]


async def test_record_types_that_were_not_asked_for_are_passed_over(desk: SqlHarness) -> None:
    async with streaming(desk.connector, types=("ticket", "samples")) as (stream, _):
        await desk.connector.create("samples", {}, marker="m")
        told = await next_told(stream)
    assert {n.ref.record_type for n in told.notices} == {"samples"}
    async with streaming(desk.connector, told.position) as (stream, _):
        await desk.connector.create("samples", {}, marker="m")
        ref = await desk.a_record()
        told = await next_told(stream)
    assert [n.ref for n in told.notices] == [ref]


async def test_a_truncated_table_tells_nothing(desk: SqlHarness) -> None:
    await desk.a_record()
    async with streaming(desk.connector) as (stream, _):
        await desk.run("TRUNCATE ticket")
        ref = await desk.a_record()
        told = await next_told(stream)
    assert [n.ref for n in told.notices] == [ref]


async def test_a_table_that_could_not_tell_deletions_is_refused_before_it_is_published(
    desk: SqlHarness,
) -> None:
    await desk.run("CREATE TABLE keyless (id int NOT NULL UNIQUE, title text)")
    connector = desk.open(tables={"keyless": {"id": "id"}})
    with pytest.raises(ConfigError, match="REPLICA IDENTITY FULL"):
        async with streaming(connector, types=("keyless",)):
            pass
    await desk.run("INSERT INTO keyless VALUES (1, 'x'); UPDATE keyless SET title = 'y'")
    await desk.run("ALTER TABLE keyless REPLICA IDENTITY FULL")
    async with streaming(connector, types=("keyless",)) as (stream, _):
        await desk.run("DELETE FROM keyless")
        told = await next_told(stream)
    assert [(n.ref, n.kind) for n in told.notices] == [(desk.ref(1, "keyless"), "deleted")]


async def test_a_slot_of_another_plugin_is_left_alone(desk: SqlHarness) -> None:
    name = desk.stream["slot"]
    await desk.run(f"SELECT pg_create_logical_replication_slot('{name}', 'test_decoding')")
    with pytest.raises(ConfigError, match="to a free name"):
        async with streaming(desk.connector):
            pass


async def test_a_connection_without_a_stream_says_how_to_get_one(desk: SqlHarness) -> None:
    connector = desk.open(stream=None)
    assert not connector.capabilities.change_stream
    assert connector.capabilities.deletes == frozenset()
    with pytest.raises(ConfigError, match="to have its log read"):
        async with streaming(connector):
            pass


async def test_a_position_that_is_none_is_refused(desk: SqlHarness) -> None:
    with pytest.raises(ConfigError, match="not a position"):
        async with streaming(desk.connector, "nonsense"):
            pass
