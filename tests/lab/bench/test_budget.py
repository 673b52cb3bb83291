"""What a change may cost: counted on running processes, never timed.

Workflow tasks are counted where none may come: on a loaded machine the server repeats some.
"""

from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from domain.sides import Side
from lab.bench.contestants import Linked, enter_linked
from lab.bench.course import wave
from lab.bench.measuring import costs
from lab.bench.meters import Requests, Told
from lab.bench.stage import Stage, opened
from lab.scenarios.live.rest import until

pytestmark = [pytest.mark.stack, pytest.mark.timeout(300)]

LANES = 3


async def spent(contestant: Linked, act: Callable[[], Awaitable[object]]) -> tuple[Told, Requests]:
    """What this cost per lane, all that it brought about included."""
    told, requests = await costs(contestant.stage, contestant)
    await act()
    await until(lambda: is_idle(contestant), "all workflows idle")
    told_now, requests_now = await costs(contestant.stage, contestant)
    return (
        Told(*((now - then) / LANES for now, then in zip(told_now, told, strict=True))),
        Requests(*((now - then) / LANES for now, then in zip(requests_now, requests, strict=True))),
    )


async def is_idle(contestant: Linked) -> bool:
    """No workflow or activity task is pending on any lane."""
    client = contestant.stage.accord.temporal
    found = [await client.get_workflow_handle(one).describe() for one in contestant.workflows]
    raw = [one.raw_description for one in found]
    return not any(one.pending_activities or one.HasField("pending_workflow_task") for one in raw)


async def resend(linked: Linked, side: Side) -> None:
    """The last event of each record once more, under a new delivery id."""
    for pair in linked.pairs:
        await linked.stage.controls[side].resend(linked.name, pair.records[side])
    await linked.rest()


async def test_a_clean_change_costs_two_activities_two_reads_and_one_write(exact: Stage) -> None:
    clean = await enter_linked(exact, "one_sided", LANES)
    told, requests = await spent(clean, lambda: wave(clean))
    assert told.activities == 2
    assert requests == Requests(reads=2, writes=1, histories=0, others=0)


async def test_a_conflict_decided_by_policy_costs_three_activities_and_one_write(exact: Stage) -> None:
    conflict = await enter_linked(exact, "contested", LANES, contested=True)
    told, requests = await spent(conflict, lambda: wave(conflict))
    assert told.activities == 3
    assert requests == Requests(reads=2, writes=1, histories=2, others=0)


async def test_an_echo_costs_nothing_behind_the_door(exact: Stage) -> None:
    linked = await enter_linked(exact, "echoed", LANES)
    await wave(linked)
    told, requests = await spent(linked, lambda: resend(linked, Side.B))
    assert (told, requests) == (Told(), Requests())


async def test_a_redelivered_edit_is_looked_at_and_written_nowhere(exact: Stage) -> None:
    linked = await enter_linked(exact, "redelivery", LANES)
    await wave(linked)
    told, requests = await spent(linked, lambda: resend(linked, Side.A))
    assert told.activities == 1
    assert (requests.reads, requests.writes) == (2, 0)


@pytest.mark.parametrize(
    ("capabilities", "histories"),
    [({"cas": False}, 0), ({"cas": False, "version_exact": False}, 1)],
    ids=["a counter proves that nobody came between", "only the history tells"],
)
async def test_a_system_that_does_not_compare_and_set_costs_one_more_read(
    tmp_path: Path, capabilities: dict[str, bool], histories: int
) -> None:
    async with opened(tmp_path, sandbox=True, capabilities=capabilities) as stage:
        linked = await enter_linked(stage, "blind", LANES)
        await stage.controls.b.change_settings(
            webhook_drop_next=LANES
        )  # an echo that isn't exact costs a look
        told, requests = await spent(linked, lambda: wave(linked))
    assert told.activities == 2
    assert requests == Requests(reads=3, writes=1, histories=histories, others=0)
