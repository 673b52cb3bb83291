from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

import pytest
import pytest_asyncio

from lab.demo.hands import Hands, last_round
from lab.demo.script import DELETION, DIVERGENCE, DUPLICATE, PRIORITY, Name
from lab.demo.systems import SYSTEMS
from lab.systems.process import LabSystem

pytestmark = pytest.mark.stack


@pytest_asyncio.fixture(scope="module")
async def systems(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[dict[Name, LabSystem]]:
    folder = tmp_path_factory.mktemp("demo")
    async with AsyncExitStack() as closing:
        yield {
            name: await closing.enter_async_context(await LabSystem.start(name, name, folder, system.options))
            for name, system in SYSTEMS.items()
        }


@pytest_asyncio.fixture
async def hands(systems: dict[Name, LabSystem]) -> Hands:
    for system in systems.values():
        await system.control.reset(settings=True)
    return Hands({name: system.control for name, system in systems.items()}, round=1)


async def test_an_edit_is_not_done_again_after_something_else_was_decided(hands: Hands) -> None:
    incident = (await hands.prepare(PRIORITY))["servicenow"]
    first = await hands.perform(PRIORITY)
    await hands.controls["servicenow"].edit("incident", incident.id, {"priority": "1"}, by="accord")

    assert await hands.perform(PRIORITY) == first
    assert (await hands.records(PRIORITY))["servicenow"].fields["priority"] == "1"


async def test_a_record_is_neither_created_nor_deleted_twice(hands: Hands) -> None:
    for _ in range(2):
        for scenario in (DUPLICATE, DELETION):
            await hands.prepare(scenario)
            assert [one.act for one in await hands.perform(scenario)] == list(scenario.acts)

    incidents = await hands.controls["servicenow"].records("incident")
    assert sorted((one.key, one.deleted, one.version) for one in incidents) == [
        (incidents[0].key, False, 1),
        (incidents[1].key, True, 2),
    ]


async def test_two_people_act_as_far_apart_as_the_script_says_though_the_demo_was_killed_in_between(
    hands: Hands,
) -> None:
    await hands.prepare(DIVERGENCE)
    await hands.controls["jira"].hold()
    await hands._do(DIVERGENCE.acts[0], DIVERGENCE, at=1_900_000_000)

    await hands.resume([PRIORITY, DIVERGENCE])

    first, second = await hands.done(DIVERGENCE)
    assert (first.save.at, second.save.at) == (1_900_000_000, 1_900_000_003)
    assert await hands.done(PRIORITY) == []


async def test_systems_that_a_killed_demo_left_silent_speak_again(hands: Hands) -> None:
    for control in hands.controls.values():
        await control.hold()

    await hands.resume([DIVERGENCE])

    assert [(await control.settings())["webhook_hold"] for control in hands.controls.values()] == [False] * 3


async def test_a_record_that_nobody_in_the_script_made_is_counted(hands: Hands) -> None:
    await hands.prepare(PRIORITY)
    await hands.controls["jira"].create("issue", {"summary": "made by an integration"})

    assert await hands.untagged() == {"servicenow": 0, "jira": 1, "pagerduty": 0}


async def test_a_new_round_follows_the_newest_one(hands: Hands) -> None:
    assert await last_round(hands.controls) == 0
    await Hands(hands.controls, round=2).prepare(PRIORITY)
    assert await last_round(hands.controls) == 2
