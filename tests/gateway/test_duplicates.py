"""Twins and crossed links, on a whole deployment and by the verb between two real systems over HTTP."""

import asyncio
import json
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import yaml

from domain.errors import ConfigError, LookAgain, RecordRejected, SystemUnavailable
from domain.sides import Pair, Side
from gateway.duplicates import DuplicatesPlan
from lab.demo.systems import SYSTEMS
from lab.systems.process import LabSystem
from store import audit, brakes, creations, held_matches
from store.database import Database
from tests.activities.world import NAME, OWNER, TITLE, declaration, once, raising
from tests.gateway.house import House, a_house, eventually
from tests.gateway.site import Site, at_work

pytestmark = pytest.mark.stack

NUMBER: dict[str, Any] = {"name": "number", "a": "number", "b": "ref", "on_link": "review"}
NATIVE = Pair(
    {"number": "number", "title": "title", "owner": "owner"},
    {"number": "ref", "title": "summary", "owner": "assignee"},
)
CLOSE = {"a": {"state": "closed", "note": "duplicate of {kept}"}, "b": {"status": "Done"}}
DECLARATION = declaration(NUMBER, TITLE, OWNER, match=["number"], duplicates={"close": CLOSE})


@dataclass(frozen=True, slots=True)
class Register:
    """Two systems with nothing in them but what the test puts there."""

    house: House

    def put(self, side: Side, number: str, **fields: Any) -> str:
        """A record, made a minute after the one before; its key."""
        self.house.world.clock.advance(minutes=1)
        named = {"number": number, "title": "Printer", **fields}
        values = {NATIVE[side][name]: value for name, value in named.items()}
        return self.house.world.systems[side].create("ticket", values).key

    def shows(self, side: Side, key: str) -> dict[str, Any]:
        return dict(self.house.world.systems[side].records[key.removeprefix("TICKET-")].fields)

    def edit(self, side: Side, key: str, **fields: Any) -> None:
        self.house.world.systems[side].edit(key.removeprefix("TICKET-"), fields)

    async def pair(self, number: str, **fields: Any) -> Pair[str]:
        """Two linked records."""
        keys = Pair(self.put(Side.A, number, **fields), self.put(Side.B, number, **fields))
        return await self.link(keys)

    async def link(self, keys: Pair[str]) -> Pair[str]:
        linked = await self.house.operations.links.link(NAME, keys, by="ines")
        await eventually(lambda: self.house.has_passed(linked.pair.id))
        return keys

    async def plan(self) -> DuplicatesPlan:
        ops = self.house.operations
        run = await ops.duplicates.start(NAME, by="ines")

        async def listed() -> bool:
            return (await ops.backfills.show(NAME, run)).progress.is_over

        await eventually(listed)
        return await ops.duplicates.plan(NAME, run)

    async def proposed(self) -> list[tuple[str, ...]]:
        plan = await self.plan()
        return [(one.action, *one.keys) for group in plan.groups for one in group.proposals]

    async def apply(self, plan: DuplicatesPlan) -> list[str]:
        """Why each wasn't done; empty texts for those that were."""
        return [one.why for one in await self.house.operations.duplicates.apply(plan, by="ines")]

    async def trail(self, what: str) -> list[dict[str, Any]]:
        async with self.house.database.begin() as tx:
            return [row.detail for row in await audit.of_integration(tx, NAME, what)]

    async def linked(self) -> set[tuple[str, str]]:
        found = await self.house.operations.pairs.listed(integration=NAME)
        return {(one.ends[0].key, one.ends[1].key) for one in found}


@pytest.fixture
async def register(database: Database, temporal_address: str) -> AsyncIterator[Register]:
    async with a_house(database, temporal_address, DECLARATION) as house:
        for side in Side:
            house.world.systems[side].records.clear()
        yield Register(house)


async def test_a_younger_twin_is_closed_as_planned_and_what_only_it_holds_is_on_record(
    register: Register,
) -> None:
    kept = await register.pair("N1")
    twin = register.put(Side.A, "N1", owner="nora")
    plan = await register.plan()
    (group,) = plan.groups
    (one,) = group.proposals
    assert (one.action, one.keys, one.own) == ("close", (twin, kept.a), ("owner",))
    shown = {one.end.key: (one.title, one.link) for one in group.twins if one.side is Side.A}
    assert shown == {kept.a: ("Printer", kept.b), twin: ("Printer", "")}
    assert "state" not in register.shows(Side.A, twin)
    assert await register.apply(plan) == [""]
    after = register.shows(Side.A, twin)
    assert (after["state"], after["note"], after["owner"]) == ("closed", f"duplicate of {kept.a}", "nora")
    assert "state" not in register.shows(Side.A, kept.a)
    (said,) = await register.trail("close_duplicate")
    assert (said["key"], said["kept"], said["own"]) == (twin, kept.a, {"owner": "nora"})
    assert await register.proposed() == []


async def test_a_closed_twin_gets_no_counterpart_though_the_declaration_creates_them(
    database: Database, temporal_address: str
) -> None:
    create = {"when": "true", "direction": "both"}
    source = declaration(NUMBER, TITLE, match=["number"], create=create, duplicates={"close": CLOSE})
    async with a_house(database, temporal_address, source) as house:
        for side in Side:
            house.world.systems[side].records.clear()
        register = Register(house)
        await register.pair("N1")
        twin = register.put(Side.A, "N1")
        assert await register.apply(await register.plan()) == [""]
        async with house.database.begin() as tx:
            rules = await house.accord.context.rules.at(tx, NAME, 1)
        ref = house.world.ref(Side.A, twin.removeprefix("TICKET-"))
        await house.operations.signaller.rematch(rules, Side.A, ref)
        handle = house.accord.temporal.get_workflow_handle(f"match/{NAME}/{ref}")
        await eventually(lambda: _is_done(handle))
        assert len(house.world.systems.b.records) == 1


async def _is_done(handle: Any) -> bool:
    return (await handle.describe()).close_time is not None


async def test_two_left_over_records_are_linked_as_accord_link_does_it(register: Register) -> None:
    first = await register.pair("N1")
    a, b = register.put(Side.A, "N1"), register.put(Side.B, "N1")
    plan = await register.plan()
    assert [one.action for one in plan.work] == ["link"]
    assert await register.linked() == {(first.a, first.b)}
    assert await register.apply(plan) == [""]
    assert await register.linked() == {(first.a, first.b), (a, b)}
    assert await register.proposed() == [("keep",)]


async def test_what_has_changed_since_the_plan_is_skipped_and_named(register: Register) -> None:
    await register.pair("N1")
    twin = register.put(Side.A, "N1", owner="nora")
    plan = await register.plan()
    register.edit(Side.A, twin, owner="tess")
    (why,) = await register.apply(plan)
    assert "changed since it was planned" in why
    assert "state" not in register.shows(Side.A, twin)
    assert await register.trail("close_duplicate") == []


async def test_a_twin_that_somebody_has_linked_since_the_plan_isnt_closed(register: Register) -> None:
    await register.pair("N1")
    twin = register.put(Side.A, "N1")
    plan = await register.plan()
    await register.link(Pair(twin, register.put(Side.B, "N9")))
    (why,) = await register.apply(plan)
    assert "changed since it was planned" in why
    assert "state" not in register.shows(Side.A, twin)


async def test_of_what_was_proposed_together_nothing_is_done_after_one_that_wasnt(register: Register) -> None:
    oldest, twin = register.put(Side.A, "N1"), register.put(Side.A, "N1")
    other = register.put(Side.B, "N1")
    plan = await register.plan()
    assert [(one.action, one.keys) for one in plan.work] == [
        ("close", (twin, oldest)),
        ("link", (oldest, other)),
    ]
    register.edit(Side.A, twin, title="Fax")
    first, second = await register.apply(plan)
    assert "changed since" in first
    assert "proposed together" in second
    assert await register.linked() == set()


async def test_a_refused_close_leaves_the_twin_to_be_matched_and_planned_again(register: Register) -> None:
    await register.pair("N1")
    twin = register.put(Side.A, "N1")
    plan = await register.plan()
    connector = register.house.world.connectors.a
    connector.interfere = once("before", "write", raising(RecordRejected("note is read-only")))
    (why,) = await register.apply(plan)
    assert "note is read-only" in why
    async with register.house.database.begin() as tx:
        ref = register.house.world.ref(Side.A, twin.removeprefix("TICKET-"))
        assert await held_matches.decision_of(tx, NAME, ref) is None
    assert [said["reason"] for said in await register.trail("close_duplicate_failed")] == [why]
    assert [one[0] for one in await register.proposed()] == ["close"]


async def test_an_outage_ends_the_work_and_names_all_that_is_left(register: Register) -> None:
    for number in ("N1", "N2"):
        await register.pair(number)
        register.put(Side.A, number)
    plan = await register.plan()
    connector = register.house.world.connectors.a
    connector.interfere = once("before", "write", raising(SystemUnavailable("it is out")))
    assert await register.apply(plan) == ["it is out", "it is out"]
    assert len(await register.trail("close_duplicate")) == 1


async def test_nothing_is_written_while_a_brake_holds_or_after_the_declaration_changed(
    register: Register,
) -> None:
    await register.pair("N1")
    register.put(Side.A, "N1")
    plan = await register.plan()
    async with register.house.database.begin() as tx:
        await brakes.pull(tx, NAME, "too many deletions", "ines")
    with pytest.raises(ConfigError, match="too many deletions"):
        await register.apply(plan)
    with pytest.raises(ConfigError, match="declared anew"):
        await register.apply(plan.model_copy(update={"version": 0}))


async def test_copies_of_one_marker_are_found_without_any_declared_key(
    database: Database, temporal_address: str
) -> None:
    source = declaration(TITLE, duplicates={"close": CLOSE})
    async with a_house(database, temporal_address, source) as house:
        system = house.world.systems.b
        kept = house.world.record(Side.B)
        system.set_marker(kept.id, "accord-1")
        await house.link()
        copy = system.create("ticket", dict(kept.fields), marker="accord-1")
        assert await Register(house).proposed() == [("close", copy.key, kept.key)]


async def test_links_that_cross_by_their_keys_are_a_persons_matter(register: Register) -> None:
    a1, b1 = register.put(Side.A, "N1"), register.put(Side.B, "N1")
    a2, b2 = register.put(Side.A, "N2"), register.put(Side.B, "N2")
    for keys in (Pair(a1, b2), Pair(a2, b1)):
        await register.link(keys)
    (group,) = (await register.plan()).groups
    assert (group.is_crossed, group.by) == (True, "number")
    (one,) = group.proposals
    assert one.action == "keep"
    assert len([step for step in one.steps if step.startswith("accord unlink")]) == 2


async def test_links_that_cross_by_what_was_made_for_what_are_found(register: Register) -> None:
    one, two = await register.pair("N1"), await register.pair("N2")
    refs = [
        register.house.world.ref(s, keys[s].removeprefix("TICKET-"))
        for s, keys in ((Side.A, one), (Side.B, two))
    ]
    async with register.house.database.begin() as tx:
        made = await creations.reserve(tx, NAME, refs[0])
        await creations.settle(tx, made.key, "adopted", refs[1])
    (group,) = (await register.plan()).groups
    assert (group.is_crossed, group.by) == (True, "correlation_id")


async def test_a_plan_of_a_listing_that_another_has_replaced_is_refused(register: Register) -> None:
    ops = register.house.operations
    first = await ops.duplicates.start(NAME, by="ines")

    async def listed() -> bool:
        return (await ops.backfills.show(NAME, first)).progress.is_over

    await eventually(listed)
    await register.plan()
    with pytest.raises(LookAgain, match="another listing"):
        await ops.duplicates.plan(NAME, first)


async def test_an_edit_that_the_closing_write_hits_is_named_on_record(
    database: Database, temporal_address: str
) -> None:
    late = Pair({"compare_and_set": False}, {})
    async with a_house(database, temporal_address, DECLARATION, settings=late) as house:
        for side in Side:
            house.world.systems[side].records.clear()
        register = Register(house)
        await register.pair("N1")
        twin = register.put(Side.A, "N1")
        plan = await register.plan()
        edit = partial(register.edit, Side.A, twin, state="in progress")
        house.world.connectors.a.interfere = once("before", "write", edit)
        assert await register.apply(plan) == [""]
        (said,) = await register.trail("close_duplicate_race")
        assert said["overwritten"] == [{"field": "state", "value": "in progress", "by": "ada"}]


async def test_an_edit_after_our_look_is_never_written_over_where_the_system_compares(
    register: Register,
) -> None:
    await register.pair("N1")
    twin = register.put(Side.A, "N1")
    plan = await register.plan()
    connector = register.house.world.connectors.a
    connector.interfere = once("before", "write", lambda: register.edit(Side.A, twin, title="Fax"))
    (why,) = await register.apply(plan)
    assert why
    assert "state" not in register.shows(Side.A, twin)
    assert len(await register.trail("close_duplicate_failed")) == 1


# --------------------------------------------------------------------------------------------------------- the verb
SITE = """
name: tickets
a: {connection: left, record_type: ticket}
b: {connection: right, record_type: issue}
match: [number]
duplicates: {close: {a: {state: closed, note: "duplicate of {kept}"}}}
fields:
  - {name: number, a: number, b: ref}
  - {name: title, a: title, b: summary}
"""


async def states(site: Site) -> list[Any]:
    return [one.fields.get("state") for one in await site.left.control.records("ticket")]


async def test_the_verb_shows_writes_nothing_unasked_carries_out_and_is_quiet_then(site: Site) -> None:
    await site.twins("N1")
    assert (await site.accord("backfill", "tickets", "--yes"))[0] == 0
    await site.left.control.create("ticket", {"number": "N1", "title": "Printer"})
    await site.right.control.create("issue", {"ref": "N2", "summary": "Fax"})
    await site.right.control.create("issue", {"ref": "N2", "summary": "Fax"})
    code, text = await site.accord("duplicates", "tickets")
    assert (code, "duplicate of" in text, "1 to close" in text) == (2, True, True)
    assert await states(site) == [None, None]
    code, text = await site.accord("duplicates", "tickets", "--json")
    assert (code, json.loads(text)["listed"]) == (2, [2, 3])
    await asyncio.to_thread(Path("plan.json").write_text, text)
    code, text = await site.accord("duplicates", "tickets", "--apply", "--plan", "plan.json", "--yes")
    assert (code, "done" in text) == (0, True)
    assert sorted(map(str, await states(site))) == ["None", "closed"]
    code, text = await site.accord("duplicates", "tickets", "--apply", "--plan", "plan.json", "--yes")
    assert (code, "skipped" in text) == (1, True)
    code, text = await site.accord("duplicates", "tickets", "--apply", "--yes")
    assert (code, "0 to close" in text) == (0, True)


async def test_a_listing_is_neither_a_plan_nor_a_load(site: Site) -> None:
    await site.twins("N1")
    assert (await site.accord("duplicates", "tickets"))[0] == 0
    code, text = await site.accord("backfill", "tickets", "--dry-run", "--json")
    assert (code, json.loads(text)["progress"]["tally"]["link"]) == (2, 1)
    assert (await site.accord("duplicates", "tikets"))[0] == 1
    assert (await site.accord("duplicates", "tickets", "--plan", "tickets.yaml"))[0] == 2


PRODUCTS = """
name: tickets
a: {connection: servicenow, record_type: incident}
b: {connection: jira, record_type: Bug, scope: "project = OPS"}
match: [alert]
duplicates:
  close:
    a: {state: "7", close_code: Duplicate, close_notes: "Duplicate of {kept}"}
    b: {status: Done}
fields:
  - {name: summary, a: short_description, b: summary}
  - {name: alert, a: u_alert, b: customfield_10005}
"""


@pytest.fixture
async def products(
    database_url: str, temporal_address: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> AsyncIterator[Site]:
    environment = {"ACCORD_DATABASE_URL": database_url, "ACCORD_TEMPORAL_ADDRESS": temporal_address}
    kinds = [SYSTEMS["servicenow"], SYSTEMS["jira"]]
    async with AsyncExitStack() as stack:
        left, right = [
            await stack.enter_async_context(await LabSystem.start(k.name, k.name, tmp_path, k.options))
            for k in kinds
        ]
        urls = {"servicenow": left.url, "jira": right.url}
        entries = {k.name: {"system": k.name, "url": urls[k.name], **k.connection} for k in kinds}
        bare = Site(left, right, capfd)
        yield await stack.enter_async_context(
            at_work(bare, PRODUCTS, yaml.safe_dump(entries), environment, tmp_path)
        )


async def test_servicenow_and_jira_close_younger_twins_by_columns_and_by_walking_the_workflow(
    products: Site,
) -> None:
    began = time.time() - 3600

    async def an_incident(alert: str, n: int) -> Any:
        fields = {"short_description": f"Mail {n}", "u_alert": alert, "state": "1"}
        return await products.left.control.create("incident", fields, at=began + n)

    async def an_issue(alert: str, n: int) -> Any:
        fields = {"summary": f"Mail {n}", "customfield_10005": alert, "issuetype": "Bug", "project": "OPS"}
        return await products.right.control.create("issue", fields, at=began + n)

    for alert in ("first", "second"):
        keys = (await an_incident(alert, 1)).key, (await an_issue(alert, 1)).key
        assert (await products.accord("link", "tickets", *keys))[0] == 0
    incident, issue = await an_incident("first", 9), await an_issue("second", 9)
    code, text = await products.accord("duplicates", "tickets", "--json")
    (first, second) = [one for group in json.loads(text)["groups"] for one in group["proposals"]]
    assert (code, first["action"], second["action"]) == (2, "close", "close")
    assert [first["keys"][0], second["keys"][0]] == [incident.key, issue.key]
    assert first["own"] == second["own"] == ["summary"]
    code, text = await products.accord("duplicates", "tickets", "--apply", "--yes")
    assert (code, text.count("done")) == (0, 2)
    incidents = {one.key: one.fields for one in await products.left.control.records("incident")}
    issues = {one.key: one.fields for one in await products.right.control.records("issue")}
    assert incidents[incident.key]["close_notes"] == f"Duplicate of {first['keys'][1]}"
    assert (incidents[incident.key]["state"], issues[issue.key]["status"]) == ("7", "Done")
    assert [one["status"] for one in issues.values()].count("Done") == 1
