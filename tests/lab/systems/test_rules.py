"""What a simulated system does to values on its own."""

from typing import Any

import httpx
import pytest

from lab.systems.process import LabSystem

pytestmark = pytest.mark.stack


async def written(api: httpx.AsyncClient, record_id: str, fields: dict[str, Any]) -> httpx.Response:
    return await api.patch(f"/records/ticket/{record_id}", json={"fields": fields})


@pytest.mark.parametrize(
    ("rule", "given", "kept"),
    [
        ("strip", " u ", "u"),
        ("lower", "Ab", "ab"),
        ("cut:3", "abcdef", "abc"),
        ("strip|lower", " Ab ", "ab"),
        ("none", " A ", " A "),
    ],
)
async def test_text_is_stored_by_the_fields_rule(
    system: LabSystem, api: httpx.AsyncClient, rule: str, given: str, kept: str
) -> None:
    await system.control.change_settings(store={"title": rule})
    record = await system.control.create("ticket", {"title": "t"})
    answer = await written(api, record.id, {"title": given, "other": " A "})
    assert answer.json()["fields"] == {"title": kept, "other": " A "}


async def test_a_star_rule_holds_for_every_field(system: LabSystem, api: httpx.AsyncClient) -> None:
    await system.control.change_settings(store={"*": "strip"})
    record = await system.control.create("ticket", {"title": " t "})
    assert record.fields == {"title": "t"}


async def test_an_invalid_value_is_refused_by_name_and_nothing_is_written(
    system: LabSystem, api: httpx.AsyncClient
) -> None:
    await system.control.change_settings(valid={"priority": ["P1", "P2"]})
    record = await system.control.create("ticket", {"priority": "P2", "title": "t"})
    answer = await written(api, record.id, {"title": "u", "priority": "P0"})
    assert answer.status_code == 422
    assert answer.json()["error"]["field"] == "priority"
    assert (await system.control.record("ticket", record.id)).record.fields["title"] == "t"


@pytest.mark.parametrize(("manner", "field"), [("named", "priority"), ("unnamed", None)])
async def test_a_refused_field_is_named_or_not(
    system: LabSystem, api: httpx.AsyncClient, manner: str, field: str | None
) -> None:
    await system.control.change_settings(refused={"priority": manner})
    record = await system.control.create("ticket", {"priority": "P2"})
    answer = await written(api, record.id, {"priority": "P1"})
    assert answer.status_code == 400
    assert answer.json()["error"].get("field") == field
    assert (await written(api, record.id, {"title": "free"})).status_code == 200


async def test_automation_follows_as_a_save_of_its_own(system: LabSystem, api: httpx.AsyncClient) -> None:
    await system.control.change_settings(
        automation=[{"when": {"status": "done"}, "set": {"resolution": "fixed"}}]
    )
    record = await system.control.create("ticket", {"status": "open"})
    answer = await written(api, record.id, {"status": "done"})
    history = await system.control.record("ticket", record.id)
    assert answer.json()["fields"] == {"status": "done"}
    assert answer.json()["sequence"] == 2
    assert history.record.fields == {"status": "done", "resolution": "fixed"}
    assert (history.record.version, history.record.modified_by) == (3, "automation")
    assert history.saves[-1].origin == "automation"


async def test_automation_of_the_same_save_shows_in_the_answer(
    system: LabSystem, api: httpx.AsyncClient
) -> None:
    rule = {"when": {"status": "done"}, "set": {"resolution": "fixed"}, "same_save": True}
    await system.control.change_settings(automation=[rule])
    record = await system.control.create("ticket", {"status": "open"})
    answer = await written(api, record.id, {"status": "done"})
    history = await system.control.record("ticket", record.id)
    assert answer.json()["fields"] == {"status": "done", "resolution": "fixed"}
    assert [(change.field, change.by) for change in history.saves[-1].changes] == [
        ("status", "sync"),
        ("resolution", "automation"),
    ]


async def test_automation_fires_once_while_its_condition_holds(
    system: LabSystem, api: httpx.AsyncClient
) -> None:
    await system.control.change_settings(
        automation=[{"when": {"status": "done"}, "set": {"resolution": "fixed"}}]
    )
    record = await system.control.create("ticket", {"status": "done"})
    await system.control.edit("ticket", record.id, {"resolution": "duplicate"})
    await written(api, record.id, {"title": "x"})
    assert (await system.control.record("ticket", record.id)).record.fields["resolution"] == "duplicate"


async def test_automations_that_fire_each_other_come_to_an_end(system: LabSystem) -> None:
    rules = [{"when": {"n": 0}, "set": {"n": 1}}, {"when": {"n": 1}, "set": {"n": 0}}]
    await system.control.change_settings(automation=rules)
    record = await system.control.create("ticket", {"n": 0})
    assert (await system.control.record("ticket", record.id)).record.version < 20
