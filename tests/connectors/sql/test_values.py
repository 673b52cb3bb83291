"""Every type of column comes and goes without loss, and what doesn't fit is refused by its column's name."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio
from pydantic import JsonValue

from connectors.sql.rows import exact_number
from domain.errors import ConfigError, RecordHidden, RecordRejected
from domain.records import Snapshot
from tests.connectors.sql.house import SqlHarness
from tests.postgres import TestDatabases

pytestmark = pytest.mark.stack

VALUES: dict[str, JsonValue] = {
    "note": "Müller — 緊急 🔥 \\ \" ' % :x %s \n",
    "amount": 12.5,
    "tiny": "0.100000000000000000000000000001",
    "ratio": 0.1,
    "yes": True,
    "born": "2026-02-28",
    "at": "2026-02-28T10:00:00.123456+00:00",
    "local": "2026-02-28T10:00:00",
    "took": "1 day 02:03:04",
    "address": "10.0.0.0/8",
    "tags": ["a", "b,c", '"{}"', None],
    "numbers": [1, 2, 3],
    "doc": {"deep": [1.5, None, {"é": True}]},
    "raw": [1, "two"],
}


@pytest_asyncio.fixture(scope="module")
async def shelf(databases: TestDatabases) -> AsyncIterator[SqlHarness]:
    """One database for the tests that only add rows."""
    async with SqlHarness.on(databases) as running:
        yield running


async def a_sample(desk: SqlHarness, **fields: JsonValue) -> Snapshot:
    return await desk.connector.create("samples", fields, marker="m")


@pytest.mark.parametrize("name", [name for name in VALUES if name != "note"])
async def test_a_value_comes_back_as_it_was_written(shelf: SqlHarness, name: str) -> None:
    made = await a_sample(shelf, **{name: VALUES[name]})
    assert made.fields[name] == VALUES[name]
    assert (await shelf.connector.read(made.ref)).fields[name] == VALUES[name]


async def test_all_of_them_at_once(shelf: SqlHarness) -> None:
    made = await a_sample(shelf)
    result = await shelf.connector.update(made, VALUES, marker="w")
    assert result.fields == {**VALUES, "id": made.ref.id}


@pytest.mark.parametrize(("name", "value"), [(n, v) for n, v in VALUES.items() if n != "note"])
async def test_a_row_is_found_by_any_value(shelf: SqlHarness, name: str, value: JsonValue) -> None:
    made = await a_sample(shelf, **{name: value})
    await a_sample(shelf)
    found = await shelf.connector.find("samples", {name: value}, limit=100)
    assert made.ref in [hit.ref for hit in found]
    assert {str(hit.fields[name]) for hit in found} == {str(value)}


@pytest.mark.parametrize(
    ("digits", "value"),
    [
        ("0.1", 0.1),
        ("12.50", 12.5),
        ("1e3", 1000.0),
        ("0.1000000000000000055511151231257827", "0.1000000000000000055511151231257827"),
        ("12345678901234567890.5", "12345678901234567890.5"),
    ],
)
def test_a_number_stays_one_only_where_that_loses_nothing(digits: str, value: Any) -> None:
    assert exact_number(digits) == value
    assert type(exact_number(digits)) is type(value)


async def test_whole_numbers_of_any_length_are_exact(shelf: SqlHarness) -> None:
    made = await a_sample(shelf, tiny=12345678901234567890123)
    assert made.fields["tiny"] == 12345678901234567890123


async def test_the_column_that_cannot_hold_a_value_is_named_among_those_that_can(shelf: SqlHarness) -> None:
    made = await a_sample(shelf)
    with pytest.raises(RecordRejected) as refused:
        await shelf.connector.update(made, {"note": "good", "born": "no date", "amount": 1e30}, marker="w")
    assert set(refused.value.fields) == {"born", "amount"}
    assert (await shelf.connector.read(made.ref)).version == made.version


async def test_a_text_with_a_nul_character_is_refused_by_name(shelf: SqlHarness) -> None:
    with pytest.raises(RecordRejected) as refused:
        await shelf.connector.create("ticket", {"title": "a\0b", "room": "1"}, marker="m")
    assert set(refused.value.fields) == {"title"}


async def test_the_columns_of_a_broken_constraint_are_named(shelf: SqlHarness) -> None:
    seen = await shelf.connector.read(await shelf.a_record())
    with pytest.raises(RecordRejected) as refused:
        await shelf.connector.update(seen, {"title": "x", "team": "NOWHERE"}, marker="w")
    assert set(refused.value.fields) == {"team"}
    with pytest.raises(RecordRejected) as refused:
        await shelf.connector.update(seen, {"title": "x", "lock_version": None}, marker="w")
    assert set(refused.value.fields) == {"lock_version"}


async def test_a_value_of_a_rejected_row_is_in_no_message(desk: SqlHarness) -> None:
    await desk.run(
        "ALTER TABLE ticket ADD CONSTRAINT short CHECK (title <> 'geheim' OR room <> 'secret-room')"
    )
    seen = await desk.connector.read(await desk.a_record(room="secret-room"))
    with pytest.raises(RecordRejected) as refused:
        await desk.connector.update(seen, {"title": "geheim"}, marker="w")
    assert "secret-room" not in refused.value.message
    assert "short" in refused.value.message


async def test_a_refusing_trigger_is_a_rejection_in_its_own_words(desk: SqlHarness) -> None:
    await desk.run(
        "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS"
        " $$ BEGIN RAISE EXCEPTION 'closed for the holidays'; END $$;"
        "CREATE TRIGGER refuse BEFORE UPDATE ON ticket FOR EACH ROW EXECUTE FUNCTION refuse()"
    )
    seen = await desk.connector.read(await desk.a_record())
    with pytest.raises(RecordRejected, match="closed for the holidays"):
        await desk.connector.update(seen, {"title": "x"}, marker="w")


async def test_an_id_of_the_wrong_form_is_nobodys(shelf: SqlHarness) -> None:
    with pytest.raises(RecordHidden):
        await shelf.connector.read(shelf.ref("no number"))
    assert await shelf.connector.find("ticket", {"id": "no number"}) == []


async def test_small_tables_that_are_referred_to_are_closed_lists(desk: SqlHarness) -> None:
    assert await desk.connector.allowed_values("ticket", "team") == ["EMEA", "OPS"]
    await desk.run("INSERT INTO teams SELECT 'team ' || n FROM generate_series(1, 600) n")
    assert await desk.connector.allowed_values("ticket", "team") is None


async def test_a_column_added_meanwhile_can_be_written(desk: SqlHarness) -> None:
    seen = await desk.connector.read(await desk.a_record())
    await desk.run("ALTER TABLE ticket ADD COLUMN added text")
    result = await desk.connector.update(seen, {"added": "new"}, marker="w")
    assert result.fields is not None
    assert result.fields["added"] == "new"


async def test_a_column_that_nobody_has_is_named_with_those_that_are(shelf: SqlHarness) -> None:
    seen = await shelf.connector.read(await shelf.a_record())
    with pytest.raises(ConfigError, match=r"no column titel in public\.ticket .*title"):
        await shelf.connector.update(seen, {"titel": "x"}, marker="w")


async def test_names_that_need_quoting_are_quoted(desk: SqlHarness) -> None:
    await desk.run(
        'CREATE SCHEMA "Odd One"; CREATE TABLE "Odd One"."Ord""er" (id int PRIMARY KEY, "select" text, "Ord""er" text, "100%:x" text)'
    )
    connector = desk.open(tables={"order": {"table": 'Odd One.Ord"er', "marker": 'Ord"er'}})
    made = await connector.create("order", {"id": 1, "select": "x", "100%:x": "all"}, marker="m")
    await connector.update(made, {"select": "y", "100%:x": "most"}, marker="w")
    (found,) = await connector.find_marked("order", "m")
    assert found.fields == {"id": 1, "select": "y", 'Ord"er': "m", "100%:x": "most"}
