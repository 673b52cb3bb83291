"""What a scan may never miss: transactions that began before it and end after it."""

from __future__ import annotations

import psycopg
import pytest

from connectors.sql.connector import SqlConnector
from tests.connectors.conformance import drain
from tests.connectors.sql.house import ROLES, SqlHarness, edit

pytestmark = pytest.mark.stack


def polled(desk: SqlHarness, by: str) -> SqlConnector:
    roles = {"xmin": {"key": "number"}, "stamps": {**ROLES, "lookback": "10s"}}
    return desk.open(tables={"ticket": roles[by]})


@pytest.mark.parametrize("by", ["xmin", "stamps"])
async def test_a_transaction_that_ends_after_a_scan_is_in_a_later_one(desk: SqlHarness, by: str) -> None:
    connector = polled(desk, by)
    slow, quick = await desk.a_record(), await desk.a_record()
    async with await psycopg.AsyncConnection.connect(desk.url) as person:
        await person.execute(*edit(slow, {"room": "slow"}))
        await desk.person_edits(quick, {"room": "quick"})
        _, cursor = await drain(connector, "ticket", None)
        _, cursor = await drain(connector, "ticket", cursor)
    told, _ = await drain(connector, "ticket", cursor)
    assert (await connector.read(slow)).version in [n.version for n in told if n.ref == slow]


async def test_what_a_savepoint_wrote_is_told(desk: SqlHarness) -> None:
    connector, ref = polled(desk, "xmin"), await desk.a_record()
    _, cursor = await drain(connector, "ticket", None)
    async with (
        await psycopg.AsyncConnection.connect(desk.url) as person,
        person.transaction(),
        person.transaction(),  # a savepoint within the first
    ):
        await person.execute(*edit(ref, {"room": "inner"}))
    told, _ = await drain(connector, "ticket", cursor)
    assert [n.ref for n in told] == [ref]


@pytest.mark.parametrize("by", ["xmin", "stamps"])
async def test_a_quiet_table_costs_no_notices_once_the_edge_has_passed(desk: SqlHarness, by: str) -> None:
    connector = polled(desk, by)
    await desk.a_record()
    await desk.run(
        "ALTER TABLE ticket DISABLE TRIGGER touch; UPDATE ticket SET changed_at = now() - interval '1h'"
    )
    first, cursor = await drain(connector, "ticket", None)
    await desk.run("SELECT pg_current_xact_id()")
    second, cursor = await drain(connector, "ticket", cursor)
    assert (len(first), second) == (1, [])


async def test_rows_edited_during_a_scan_are_told_again(desk: SqlHarness) -> None:
    connector = polled(desk, "xmin")
    refs = [await desk.a_record() for _ in range(5)]
    page = await connector.list_changes("ticket", scope=None, cursor=None, limit=2)
    assert [n.ref for n in page.notices] == refs[:2]
    await desk.person_edits(refs[0], {"room": "again"})
    rest, _ = await drain(connector, "ticket", page.cursor, limit=2)
    more, _ = await drain(connector, "ticket", _, limit=2)
    version = (await connector.read(refs[0])).version
    assert version in [n.version for n in [*rest, *more] if n.ref == refs[0]]
    assert {n.ref for n in rest} >= set(refs[2:])


async def test_rows_without_a_stamp_are_listed_once(desk: SqlHarness) -> None:
    await desk.run(
        "ALTER TABLE ticket ALTER changed_at DROP NOT NULL; ALTER TABLE ticket DISABLE TRIGGER touch"
    )
    connector, ref = polled(desk, "stamps"), await desk.person_creates({"title": "x", "changed_at": None})
    first, cursor = await drain(connector, "ticket", None)
    second, _ = await drain(connector, "ticket", cursor)
    assert ([n.ref for n in first], second) == ([ref], [])


async def test_a_scope_bounds_the_scan(desk: SqlHarness) -> None:
    inside = await desk.a_record(team="OPS")
    await desk.a_record(team="EMEA")
    told, _ = await drain(desk.connector, "ticket", None, scope="team=OPS, priority=P1")
    assert told == []
    told, _ = await drain(desk.connector, "ticket", None, scope="team=OPS")
    assert [n.ref for n in told] == [inside]


async def test_whether_a_row_lies_in_a_scope_is_decided_by_the_columns_types(desk: SqlHarness) -> None:
    connector = desk.open(tables={"samples": {"marker": "note"}})
    made = await connector.create("samples", {"yes": True, "amount": 2}, marker="m")
    assert await connector.is_in_scope(made, "yes=true, amount=2")
    assert not await connector.is_in_scope(made, "yes=false")
