"""What operators do, on a whole deployment."""

from datetime import timedelta
from typing import Any

import pytest

from domain.capture import Changes
from domain.errors import ConfigError
from domain.sides import Pair, Side
from gateway.declarations import Declaration
from gateway.finding import Ambiguous, Unknown
from integrations.loader import parse_integration
from store import brakes, deliveries, pairs
from store.database import Database
from store.errors import AlreadyLinked
from tests.activities.world import NAME, OWNER, TITLE, declaration
from tests.gateway.house import House, a_house, eventually

pytestmark = pytest.mark.stack


def declared(text: str, tmp_path: Any) -> Declaration:
    return Declaration(tmp_path / "tickets.yaml", text, parse_integration(text))


async def lines(house: House, named: str) -> list[tuple[str, str]]:
    told = await house.operations.pairs.history(named, limit=200)
    return [(line.kind, line.text) for line in told.lines]


# ------------------------------------------------------------------------------------------------------ finding
async def test_a_pair_is_found_by_either_key_in_any_case_and_by_its_id(house: House) -> None:
    pair = await house.link()
    for named in (pair.ends.a.key, pair.ends.b.key.lower(), pair.id, pair.id[:6]):
        assert (await house.operations.pairs.find(named)).id == pair.id


async def test_an_unknown_name_suggests_near_ones(house: House) -> None:
    pair = await house.link()
    with pytest.raises(Unknown, match=f"did you mean {pair.ends.a.key}"):
        await house.operations.pairs.find(f"{pair.ends.a.key}0")


async def test_the_key_of_a_record_in_several_pairs_is_ambiguous(house: House) -> None:
    house.world.systems.a.create("ticket", {"title": "x"})
    house.world.systems.b.create("ticket", {"summary": "x"})
    first = await house.link("1", "2")
    second = await house.link("2", "1")
    with pytest.raises(Ambiguous, match=rf"{first.id}.*{second.id}|{second.id}.*{first.id}"):
        await house.operations.pairs.find("TICKET-1")  # both systems number alike


# ------------------------------------------------------------------------------------------------------ showing
async def test_a_pair_is_shown_with_both_sides_as_they_are_now(house: House) -> None:
    pair = await house.linked_in_step()
    house.world.edit(Side.A, title="Printer on fire")
    shown = await house.operations.pairs.show(pair.id)
    title = next(field for field in shown.fields if field.field == "title")
    assert title.values == ("Printer on fire", "Printer")
    assert title.baseline == ("Printer", "Printer")
    assert (title.state, shown.unseen) == ("carried", {})
    assert shown.workflow is not None


async def test_how_long_an_edit_can_stand_unseen_is_shown_for_each_side(
    database: Database, temporal_address: str
) -> None:
    changes = Changes.model_validate({"every": "5m", "jitter": "30s"})
    lagging = Pair({"index_lag": "20s"}, {})
    async with a_house(database, temporal_address, settings=lagging, changes=changes) as house:
        pair = await house.linked_in_step()
        async with house.database.begin() as tx:
            await deliveries.keep(tx, "left", "d1", [house.notice(Side.A)])
        left, right = (await house.operations.pairs.show(pair.id)).hearing
    assert (left.ways, right.ways) == ("webhook, poll every 5m", "webhook, poll every 5m")
    assert (left.exposure, right.exposure) == (
        timedelta(minutes=5, seconds=50),
        timedelta(minutes=5, seconds=30),
    )
    assert left.last_heard is not None
    assert right.last_heard is None


async def test_what_cannot_be_read_now_is_shown_as_last_read(house: House) -> None:
    pair = await house.linked_in_step()
    house.world.systems.b.records.pop("1")
    shown = await house.operations.pairs.show(pair.id)
    assert set(shown.unseen) == {"Right"}
    assert next(field for field in shown.fields if field.field == "title").values == ("Printer", "Printer")


async def test_a_sensitive_value_is_never_shown(database: Database, temporal_address: str) -> None:
    secret = declaration({**TITLE, "sensitive": True}, {**OWNER, "sensitive": True})
    async with a_house(database, temporal_address, secret) as house:
        pair = await house.in_review()
        house.world.edit(Side.A, title="Sprinkler")
        await house.operations.controls.sync(pair.id, by="ines")

        async def written() -> bool:
            return bool((await house.operations.pairs.show(pair.id)).writes)

        await eventually(written)
        told = [
            await house.operations.pairs.show(pair.id),
            await house.operations.pairs.history(pair.id),
            *await house.operations.pairs.conflicts(named=pair.id),
            *await house.operations.reviews.listed(named=pair.id),
        ]
    text = "".join(one.model_dump_json() for one in told)
    assert "(sensitive)" in text
    assert not [value for value in ("Printer", "Sprinkler", "nora", "tess") if value in text]


async def test_the_history_tells_changes_writes_conflicts_decisions_and_runs(house: House) -> None:
    pair = await house.in_review()
    house.world.edit(Side.A, title="Printer on fire")
    await house.operations.controls.sync(pair.id, by="ines")

    async def written() -> bool:
        return bool((await house.operations.pairs.show(pair.id)).writes)

    await eventually(written)
    await house.operations.reviews.decide(pair.id, "side", by="ines", side="left")
    told = await lines(house, pair.id)
    assert {kind for kind, _ in told} == {"act", "run", "change", "write", "conflict", "decision"}
    assert ("write", "Right TICKET-1 title: Printer → Printer on fire") in told


# ------------------------------------------------------------------------------------------------------ linking
async def test_linking_twice_is_one_pair(house: House) -> None:
    keys = Pair("TICKET-1", "TICKET-1")
    first = await house.operations.links.link(NAME, keys, by="ines")
    again = await house.operations.links.link(NAME, keys, by="ines")
    assert (first.created, again.created, again.pair.id) == (True, False, first.pair.id)


async def test_a_record_that_has_a_partner_is_not_linked_again(house: House) -> None:
    await house.link()
    house.world.systems.b.create("ticket", {"summary": "other"})
    with pytest.raises(AlreadyLinked, match="accord unlink"):
        await house.operations.links.link(NAME, Pair("TICKET-1", "TICKET-2"), by="ines")


async def test_a_record_or_an_integration_that_is_not_there_is_named(house: House) -> None:
    with pytest.raises(Unknown, match=r"Right.*has no ticket TICKET-9"):
        await house.operations.links.link(NAME, Pair("TICKET-1", "TICKET-9"), by="ines")
    with pytest.raises(Unknown, match=r"no integration 'ticket' is applied .*tickets"):
        await house.operations.links.link("ticket", Pair("TICKET-1", "TICKET-1"), by="ines")


# ----------------------------------------------------------------------------------------------------- controls
async def test_a_paused_pair_keeps_what_it_hears_and_resumes_with_it(house: House) -> None:
    pair = await house.linked_in_step()
    await house.operations.controls.tell(pair.id, "pause", by="ines", reason="maintenance")

    async def paused() -> bool:
        return (await house.operations.pairs.show(pair.id)).pair.states == ("paused",)

    await eventually(paused)
    house.world.edit(Side.A, title="Printer on fire")
    await house.operations.controls.sync(pair.id, by="ines")
    assert house.world.shows(Side.B, "summary") == "Printer"
    await house.operations.controls.tell(pair.id, "resume", by="ines")

    async def arrived() -> bool:
        return house.world.shows(Side.B, "summary") == "Printer on fire"

    await eventually(arrived)
    acts = [text for kind, text in await lines(house, pair.id) if kind == "act"]
    assert acts[1:] == ["pause (reason: maintenance)", "resume"]


async def test_a_paused_integration_stands_still_and_goes_on(house: House) -> None:
    pair = await house.linked_in_step()
    await house.operations.controls.pause_all(NAME, by="ines", reason="freeze")
    house.world.edit(Side.A, title="Printer on fire")
    await house.operations.controls.sync(pair.id, by="ines")

    async def stands() -> bool:
        return (await house.operations.pairs.show(pair.id)).pair.states == ("braked",)

    await eventually(stands)
    assert house.world.shows(Side.B, "summary") == "Printer"
    assert (await house.operations.controls.resume_all(None, by="ines")).pairs == 1

    async def arrived() -> bool:
        return house.world.shows(Side.B, "summary") == "Printer on fire"

    await eventually(arrived)
    async with house.database.begin() as tx:
        assert await brakes.get_all(tx) == {}


async def test_an_unlinked_pair_is_told_nothing_more(house: House) -> None:
    pair = await house.linked_in_step()
    await house.operations.controls.tell(pair.id, "unlink", by="ines", reason="wrong link")

    async def ended() -> bool:
        return (await house.operations.pairs.find(pair.id)).link == "detached"

    await eventually(ended)
    told = await house.operations.controls.tell(pair.id, "pause", by="ines")
    assert (told.pairs, "the link has ended" in told.message) == (0, True)


# --------------------------------------------------------------------------------------------------- plan, apply
async def test_a_plan_equals_the_run_and_writes_nothing(house: House) -> None:
    pair = await house.linked_in_step()
    house.world.edit(Side.A, title="Printer on fire", owner="nora")
    house.world.edit(Side.B, assignee="tess")
    rules = parse_integration(declaration())
    before = house.world.versions()
    report = await house.operations.plans.plan(rules, source=declaration())
    assert house.world.versions() == before
    (planned,) = report.planned
    assert planned.writes == ("Right TICKET-1: title Printer → Printer on fire",)
    assert (planned.reviews, report.version, report.pairs) == (("owner",), 1, 1)

    await house.operations.controls.sync(pair.id, by="ines")

    async def arrived() -> bool:
        return house.world.shows(Side.B, "summary") == "Printer on fire"

    await eventually(arrived)
    await eventually(lambda: house.operations.reviews.listed(named=pair.id))
    assert (await house.operations.plans.plan(rules, source=declaration())).is_quiet


async def test_applying_makes_a_new_version_once_and_wakes_pairs(house: House, tmp_path: Any) -> None:
    pair = await house.linked_in_step()
    text = declaration(TITLE)
    applied = await house.operations.declarations.apply(declared(text, tmp_path), by="ines", now=True)
    again = await house.operations.declarations.apply(declared(text, tmp_path), by="ines")
    assert (applied.version, applied.is_new, applied.woken) == (2, True, 1)
    assert (again.version, again.is_new) == (2, False)

    async def taken_up() -> bool:
        return (await house.operations.pairs.find(pair.id)).version == 2

    await eventually(taken_up)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ({"workflow": "MajorPair"}, "no workflow 'MajorPair' .*MajorIncidentPair"),
        ({"a": {"connection": "middle", "record_type": "ticket"}}, "no connection 'middle' .*left, right"),
    ],
)
async def test_a_declaration_that_names_what_is_not_there_is_refused(
    house: House, tmp_path: Any, words: dict[str, Any], message: str
) -> None:
    with pytest.raises(ConfigError, match=message):
        await house.operations.declarations.apply(declared(declaration(**words), tmp_path), by="ines")


# ------------------------------------------------------------------------------------------------------ retrying
async def test_all_that_stand_still_for_one_cause_look_again(house: House) -> None:
    pair = await house.linked_in_step()
    async with house.database.begin() as tx:
        await pairs.quarantine(tx, pair.id, "Right refuses the write: summary is unknown")
    preview = await house.operations.retrying.preview("summary is UNKNOWN", NAME)
    assert (preview.pairs, [one.cause for one in preview.causes]) == (1, ["quarantined"])
    assert (await house.operations.retrying.preview("flap", None)).pairs == 0
    told = await house.operations.retrying.retry("quarantined", NAME, by="ines")
    assert told.pairs == 1

    async def goes_on() -> bool:
        return (await house.operations.pairs.show(pair.id)).pair.states == ("in_sync",)

    await eventually(goes_on)
    assert (await house.operations.retrying.preview(None, NAME)).pairs == 0


async def test_a_cause_in_an_unknown_integration_is_an_error(house: House) -> None:
    with pytest.raises(Unknown):
        await house.operations.retrying.preview("refused", "nosuch")
