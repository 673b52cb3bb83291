"""What people say of records that can't be matched by machine, on a whole deployment."""

from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from temporalio.service import RPCError

from domain.sides import Pair, Side
from gateway.finding import Ambiguous, Unknown
from store import held_matches
from store.database import Database
from tests.activities.world import NAME, TITLE, declaration
from tests.gateway.house import House, a_house, eventually, served

pytestmark = pytest.mark.stack

CREATE = {"when": "true", "direction": "both"}


@pytest.fixture
async def house(database: Database, temporal_address: str) -> AsyncIterator[House]:
    """A's ticket 7 and B's tickets 8 and 9 have one title; nothing else does."""
    source = declaration(TITLE, match=["title"], create=CREATE)
    async with a_house(database, temporal_address, source) as opened:
        for side in Side:
            opened.world.systems[side].records.clear()
        for side, record_id in ((Side.A, "7"), (Side.B, "8"), (Side.B, "9")):
            a_record(opened, side, record_id)
        yield opened
        await end_matching(opened)


async def end_matching(house: House) -> None:
    """Every test has a record 7, and a workflow that another test left would hear of it."""
    for side, record_id in ((Side.A, "7"), (Side.B, "9")):
        handle = house.accord.temporal.get_workflow_handle(f"match/{NAME}/{house.world.ref(side, record_id)}")
        with suppress(RPCError):
            await handle.terminate()


def a_record(house: House, side: Side, record_id: str) -> None:
    """A ticket with an id and key of its own, as people of two real systems would tell them apart."""
    system = house.world.systems[side]
    made = system.create("ticket", {"title" if side is Side.A else "summary": "Printer"})
    del system.records[made.id]
    made.id = record_id
    system.records[record_id] = made


async def held(house: House) -> list[Any]:
    return list(await house.operations.matches.listed())


async def ambiguous(house: House) -> None:
    """The relay isn't running here: the record is looked at once, by hand."""
    await rematch(house, Side.A, "7")
    await eventually(lambda: held(house))


async def rematch(house: House, side: Side, record_id: str) -> None:
    async with house.database.begin() as tx:
        rules = await house.accord.context.rules.at(tx, NAME, 1)
    await house.operations.signaller.rematch(rules, side, house.world.ref(side, record_id))


async def test_candidates_are_shown_with_what_led_to_them(house: House) -> None:
    await ambiguous(house)
    (one,) = await house.operations.matches.listed(NAME)
    assert [[end.key for end in ends] for ends in one.records] == [["TICKET-7"], ["TICKET-8", "TICKET-9"]]
    assert one.reason == "TICKET-7: title leads to TICKET-8, TICKET-9"
    assert await house.operations.matches.listed("ticket-9") == [one]
    with pytest.raises(Unknown, match="accord candidates"):
        await house.operations.matches.listed("TICKET-1")


async def test_linking_one_of_them_settles_it(house: House) -> None:
    await ambiguous(house)
    await house.operations.links.link(NAME, Pair("TICKET-7", "TICKET-9"), by="ines")
    assert (await held(house), await house.operations.pairs.alerts()) == ([], [])


async def test_none_of_them_creates_a_counterpart_once(house: House) -> None:
    await ambiguous(house)
    told = await house.operations.matches.say("TICKET-7", "create", by="ines")
    assert told.message == "TICKET-7 gets a counterpart of its own"

    async def linked() -> bool:
        return len(await house.operations.pairs.listed()) == 1

    await eventually(linked)
    assert len(house.world.systems.b.records) == 3
    await rematch(house, Side.A, "7")
    async with house.database.begin() as tx:
        assert await held_matches.decision_of(tx, NAME, house.world.ref(Side.A, "7")) is None


async def test_a_record_that_is_left_alone_is_no_candidate_any_more(house: House) -> None:
    await ambiguous(house)
    await house.operations.matches.say("TICKET-9", "ignore", by="ines")
    await rematch(house, Side.A, "7")

    async def linked() -> list[str]:
        return [end.key for line in await house.operations.pairs.listed() for end in line.ends]

    await eventually(linked)
    assert await linked() == ["TICKET-7", "TICKET-8"]


async def test_what_was_refused_is_tried_again_by_the_records_key(house: House) -> None:
    for record_id in ("8", "9"):
        del house.world.systems.b.records[record_id]
    refused = house.world.connectors.b._settings.refused
    refused["summary"] = "read only"
    await ambiguous(house)
    (one,) = await held(house)
    assert (one.kind, one.reason) == ("refused", "right refused summary")
    del refused["summary"]
    told = await house.operations.controls.tell("TICKET-7", "retry", by="ines")
    assert told.message == "TICKET-7: matched and created anew"

    async def created() -> bool:
        return bool(house.world.systems.b.records)

    await eventually(created)


async def test_what_was_refused_is_one_alert_and_is_tried_again_by_its_cause(house: House) -> None:
    for record_id in ("8", "9"):
        del house.world.systems.b.records[record_id]
    refused = house.world.connectors.b._settings.refused
    refused["summary"] = "read only"
    await ambiguous(house)
    assert [alert.kind for alert in await house.world.alerts()] == ["refused"]
    retrying = house.operations.retrying
    for cause in ("refused", "Refused SUMMARY"):
        shown = await retrying.preview(cause, None)
        assert (shown.pairs, shown.records) == (0, 1)
        assert [(one.cause, one.records, one.reasons) for one in shown.causes] == [
            ("refused", 1, ("right refused summary",))
        ]
    assert (await retrying.preview("flap", None)).causes == ()
    del refused["summary"]
    told = await retrying.retry("refused", None, by="ines")
    assert told.message == "0 pairs look again, 1 records are matched anew"

    async def settled() -> bool:
        return (
            bool(house.world.systems.b.records) and not await held(house) and not await house.world.alerts()
        )

    await eventually(settled)


async def test_a_key_of_two_systems_is_ambiguous(house: House) -> None:
    a_record(house, Side.B, "7")
    with pytest.raises(Ambiguous, match="left:ticket/7"):
        await house.operations.matches.say("TICKET-7", "ignore", by="ines")


async def test_programs_list_and_decide_as_well(house: House) -> None:
    await ambiguous(house)
    async with served(house.accord) as client:
        (one,) = (await client.get("/api/candidates", params={"named": NAME})).json()
        assert [end["key"] for end in one["records"][1]] == ["TICKET-8", "TICKET-9"]
        said = await client.post("/api/candidates/TICKET-9/ignore", json={"by": "ines"})
        assert (said.status_code, said.json()["what"]) == (202, "ignore")
        nobody = await client.post("/api/candidates/TICKET-1/create", json={"by": "ines"})
        assert nobody.status_code == 404
        linked = await client.post(
            "/api/links", json={"integration": NAME, "a": "TICKET-7", "b": "TICKET-8", "by": "ines"}
        )
        assert linked.status_code == 201
        assert (await client.get("/api/candidates")).json() == []


async def test_links_of_a_file_are_taken_over_only_if_every_line_is_good(
    house: House, tmp_path: Path
) -> None:
    for side in Side:
        a_record(house, side, "20")
    file = tmp_path / "links.csv"
    file.write_text("a,b\nTICKET-7,TICKET-8\nTICKET-20,TICKET-99\n")

    async def take(*, dry_run: bool = False, skip_bad: bool = False) -> tuple[int, int, int, int]:
        told = await house.operations.link_files.take(
            NAME, file, by="ines", dry_run=dry_run, skip_bad=skip_bad, tell=lambda _: None
        )
        return told.wanted, told.already, told.bad, told.linked

    assert await take() == (1, 0, 1, 0)
    assert await take(dry_run=True, skip_bad=True) == (1, 0, 1, 0)
    assert await take(skip_bad=True) == (1, 0, 1, 1)
    file.write_text("a,b\nTICKET-7,TICKET-8\nTICKET-20,TICKET-20\n")
    assert await take() == (1, 1, 0, 1)
    file.write_text("a,b\nTICKET-7,TICKET-9\n")
    assert await take() == (0, 0, 1, 0), "contradicts a link that stands"
