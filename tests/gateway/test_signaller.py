"""Who is told of a change: decided by the store alone."""

import pytest

from domain.records import ChangeNotice
from domain.sides import Pair, Side
from gateway.assembly import temporal_client
from gateway.signaller import Call, Signaller
from integrations.settings import Settings
from store import integrations, ledger, pairs
from store.database import Database
from store.ledger import Written
from store.pairs import PairRow
from tests.activities.world import NAME, TITLE, World, declaration, make_world
from tests.gateway.house import NOWHERE

pytestmark = pytest.mark.stack

OTHER = "incidents"


@pytest.fixture
async def world(database: Database) -> World:
    made = make_world(database)
    await made.declare(declaration())
    return made


async def declare_other(world: World, **words: object) -> None:
    text = declaration(TITLE, **words).replace(f"name: {NAME}", f"name: {OTHER}", 1)
    async with world.database.begin() as tx:
        await integrations.apply(tx, OTHER, text, "ines")


async def link(world: World, integration: str = NAME) -> PairRow:
    async with world.database.begin() as tx:
        ends = Pair.of(lambda side: world.end(side, "1"))
        return await pairs.create(tx, integration, 1, ends)


async def write(world: World, pair: PairRow, version: str, *, exact: bool = True) -> None:
    """Note a write of ours on the left."""
    async with world.database.begin() as tx:
        await ledger.record(tx, pair.id, Written(Side.A, world.ref(Side.A), version, {}, exact))


async def route(world: World, *notices: ChangeNotice) -> list[Call]:
    settings = Settings(database_url="postgresql://unused", temporal_address=NOWHERE)
    signaller = Signaller(world.context, await temporal_client(settings, lazy=True), "accord")
    async with world.database.begin() as tx:
        return await signaller.route(tx, notices)


def notice(
    world: World, side: Side = Side.A, version: str | None = "7", kind: str = "changed"
) -> ChangeNotice:
    return ChangeNotice(ref=world.ref(side), source="webhook", version=version, kind=kind)


async def test_the_pair_is_told_which_side_to_look_at(world: World) -> None:
    pair = await link(world)
    (call,) = await route(world, notice(world, Side.B))
    assert (call.id, call.workflow, call.signal) == (pair.workflow_id, "PairWorkflow", "change_noticed")
    assert call.said[0].side is Side.B
    assert call.summary == "Left TICKET-1 ↔ Right TICKET-1"


async def test_an_integrations_own_workflow_is_started(world: World) -> None:
    await world.declare(declaration(workflow="MajorIncidentPair"))
    async with world.database.begin() as tx:
        await pairs.create(tx, NAME, 2, Pair.of(lambda side: world.end(side, "1")))
    (call,) = await route(world, notice(world))
    assert call.workflow == "MajorIncidentPair"


async def test_only_the_pair_that_wrote_a_version_is_spared_its_echo(world: World) -> None:
    await declare_other(world)
    writer, other = await link(world), await link(world, OTHER)
    await write(world, writer, "7")
    assert [call.id for call in await route(world, notice(world, version="7"))] == [other.workflow_id]
    told = {call.id for call in await route(world, notice(world, version="8"))}
    assert told == {writer.workflow_id, other.workflow_id}


async def test_a_version_that_is_not_unique_per_write_is_no_proof_of_an_echo(world: World) -> None:
    pair = await link(world)
    await write(world, pair, "7", exact=False)
    assert [call.id for call in await route(world, notice(world, version="7"))] == [pair.workflow_id]


async def test_a_deletion_is_always_told(world: World) -> None:
    pair = await link(world)
    await write(world, pair, "7")
    (call,) = await route(world, notice(world, version="7", kind="deleted"))
    assert call.said[0].kind == "deleted"


async def test_two_notices_of_one_record_are_one_call(world: World) -> None:
    await link(world)
    assert len(await route(world, notice(world), notice(world))) == 1


async def test_matching_is_told_only_where_a_declaration_wants_a_counterpart(world: World) -> None:
    assert await route(world, notice(world)) == []
    await declare_other(world, match=["title"])
    (call,) = await route(world, notice(world))
    assert (call.workflow, call.signal) == ("MatchWorkflow", "record_noticed")
    assert await route(world, notice(world, kind="deleted")) == []
    await link(world, OTHER)
    assert [call.workflow for call in await route(world, notice(world))] == ["PairWorkflow"]


async def test_a_record_is_created_from_only_in_the_declared_direction(world: World) -> None:
    await declare_other(world, create={"when": "true", "direction": "a_to_b"})
    assert len(await route(world, notice(world, Side.A))) == 1
    assert await route(world, notice(world, Side.B)) == []
