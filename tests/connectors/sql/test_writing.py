from __future__ import annotations

import asyncio

import psycopg
import pytest
from sqlalchemy.exc import OperationalError

from connectors.refusals import Aim, Call
from connectors.sql.connector import build
from connectors.sql.refusals import Complaint, build_error
from domain.errors import ConfigError, CredentialsRefused, RecordHidden, StaleVersion, SystemUnavailable
from tests.connectors.harness import eventually
from tests.connectors.sql.house import CountedHarness, SqlHarness, edit

pytestmark = pytest.mark.stack


async def test_a_write_that_waited_for_an_open_transaction_is_refused_once_that_commits(
    desk: SqlHarness,
) -> None:
    ref = await desk.a_record()
    seen = await desk.connector.read(ref)
    async with await psycopg.AsyncConnection.connect(desk.url) as person:
        await person.execute(*edit(ref, {"room": "theirs"}))
        ours = asyncio.create_task(desk.connector.update(seen, {"title": "ours"}, marker="w"))

        async def is_waiting() -> bool:
            return bool(await desk.run("SELECT 1 FROM pg_locks WHERE NOT granted"))

        assert await eventually(is_waiting)
    with pytest.raises(StaleVersion):
        await ours
    now = await desk.connector.read(ref)
    assert (now.value("title"), now.value("room")) == ("printer on fire", "theirs")


async def test_of_many_writes_on_one_version_one_wins(desk: SqlHarness) -> None:
    seen = await desk.connector.read(await desk.a_record())
    writes = (desk.connector.update(seen, {"title": f"w{n}"}, marker="w") for n in range(8))
    outcomes = await asyncio.gather(*writes, return_exceptions=True)
    refused = [outcome for outcome in outcomes if isinstance(outcome, StaleVersion)]
    assert len(refused) == 7


async def test_a_stale_delete_leaves_the_row(desk: SqlHarness) -> None:
    ref = await desk.a_record()
    seen = await desk.connector.read(ref)
    await desk.person_edits(ref, {"room": "room 2"})
    with pytest.raises(StaleVersion):
        await desk.connector.delete(seen)
    await desk.connector.delete(await desk.connector.read(ref))
    with pytest.raises(RecordHidden):
        await desk.connector.delete(seen)


async def test_what_deferred_triggers_make_of_our_write_is_its_result(desk: SqlHarness) -> None:
    await desk.run(
        "CREATE FUNCTION shout() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"
        " UPDATE ticket SET title = upper(title) WHERE id = NEW.id AND title <> upper(title); RETURN NULL; END $$;"
        "CREATE CONSTRAINT TRIGGER shout AFTER UPDATE ON ticket DEFERRABLE INITIALLY DEFERRED"
        " FOR EACH ROW EXECUTE FUNCTION shout()"
    )
    seen = await desk.connector.read(await desk.a_record())
    result = await desk.connector.update(seen, {"title": "ours"}, marker="w")
    now = await desk.connector.read(seen.ref)
    assert result.fields == now.fields
    assert result.version == now.version
    assert now.value("title") == "OURS"


async def test_a_version_that_a_trigger_keeps_is_not_raised_twice(desk: SqlHarness) -> None:
    await desk.run(
        "CREATE FUNCTION raise_version() RETURNS trigger LANGUAGE plpgsql AS"
        " $$ BEGIN NEW.lock_version := OLD.lock_version + 1; RETURN NEW; END $$;"
        "CREATE TRIGGER raise_version BEFORE UPDATE ON ticket FOR EACH ROW EXECUTE FUNCTION raise_version()"
    )
    kept = {**CountedHarness.tables["ticket"], "version_kept_by": "database"}
    connector = desk.open(tables={"ticket": kept})
    seen = await connector.read(await desk.a_record())
    result = await connector.update(seen, {"title": "ours"}, marker="w")
    assert (seen.version, result.version, result.sequence) == ("1", "2", 2)


async def test_a_lost_connection_is_replaced_by_the_next_call(desk: SqlHarness) -> None:
    ref = await desk.a_record()
    await desk.connector.read(ref)
    await desk.cut_connections()
    assert (await desk.connector.read(ref)).ref == ref


async def test_a_connection_lost_in_the_middle_of_a_write_is_an_outage(desk: SqlHarness) -> None:
    ref = await desk.a_record()
    seen = await desk.connector.read(ref)
    async with await psycopg.AsyncConnection.connect(desk.url) as person:
        await person.execute(*edit(ref, {"room": "theirs"}))
        ours = asyncio.create_task(desk.connector.update(seen, {"title": "ours"}, marker="w"))

        async def is_waiting() -> bool:
            return bool(await desk.run("SELECT 1 FROM pg_locks WHERE NOT granted"))

        assert await eventually(is_waiting)
        await desk.cut_connections()
        with pytest.raises(SystemUnavailable):
            await ours
        await person.rollback()
    assert (await desk.connector.read(ref)).version == seen.version


async def test_a_lock_that_nobody_lets_go_is_an_outage_in_bounded_time(desk: SqlHarness) -> None:
    ref = await desk.a_record()
    connector = desk.open(timeout="300ms")
    seen = await connector.read(ref)
    async with await psycopg.AsyncConnection.connect(desk.url) as person:
        await person.execute(*edit(ref, {"room": "theirs"}))
        with pytest.raises(SystemUnavailable, match="statement timeout"):
            await connector.update(seen, {"title": "ours"}, marker="w")
        await person.rollback()


async def test_nobody_listening_is_an_outage() -> None:
    connector = build("c", {"url": "postgresql://u:geheim@127.0.0.1:1/x", "tables": {"t": {}}})
    with pytest.raises(SystemUnavailable) as refused:
        await connector.probe()
    assert "geheim" not in refused.value.message
    await connector.aclose()


async def test_what_is_not_there_is_named(desk: SqlHarness) -> None:
    with pytest.raises(ConfigError, match="no table is set for 'tickets'"):
        await desk.connector.describe("tickets", [])
    connector = desk.open(tables={"ghost": {}})
    with pytest.raises(ConfigError, match="there is no table ghost"):
        await connector.describe("ghost", [])


def test_a_wrong_password_is_told_from_an_outage() -> None:
    said = psycopg.OperationalError('connection failed: FATAL:  password authentication failed for user "u"')
    error = build_error(Complaint.of(OperationalError("", {}, said)), Call("SELECT", "t", Aim.READ))
    assert isinstance(error, CredentialsRefused)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"url": "mysql://u:geheim@h/x"}, "only PostgreSQL"),
        ({"url": "geheim"}, "write postgresql://"),
        ({"url": "postgresql://h/x", "tables": {}}, "tables"),
        ({"url": "postgresql://h/x", "tables": {"t": {"colour": "red"}}}, "tables.t.colour"),
        ({"url": "postgresql://h/x", "tables": {"t": {}}, "stream": {"every": "0s"}}, "between 50ms and 1m"),
    ],
)
def test_a_wrong_setting_is_named_and_no_secret_is(settings: dict[str, object], message: str) -> None:
    with pytest.raises(ConfigError, match=message) as refused:
        build("c", {"tables": {"t": {}}} | settings)
    assert "geheim" not in refused.value.message
