"""What an outage came to, in figures: how long it was, what waited, and how fast it drained."""

from __future__ import annotations

from collections.abc import Sequence

from temporalio.service import RPCError

from domain.sides import SIDES, Side
from lab.scenarios.corpus import SIDE_WORDS
from lab.scenarios.live.claims import most_within_a_second
from lab.scenarios.live.outages import Outage
from lab.scenarios.live.play import Play
from lab.scenarios.translation import side_of
from lab.systems.journal import Entry
from store import alerts
from workflows.connection import ConnectionState, ConnectionWorkflow


async def figures_of(play: Play) -> list[str]:
    """A line or two per outage whose length the case cares for."""
    paced = [one for one in play.troubles.outages if one.pace is not None]
    return [line for outage in paced for line in await _figures(play, outage)]


async def _figures(play: Play, outage: Outage) -> list[str]:
    assert outage.true_ended is not None
    true, pace = outage.true_ended - outage.true_began, outage.pace or 1.0
    lines = [f"{outage.what} was out for {true:.0f} s, {true * pace / 60:.0f} minutes at a pace of {pace:g}"]
    if outage.what in SIDE_WORDS:
        lines.append(await _closing(play, outage, side_of(outage.what)))
    else:
        lines.append(f"webhooks refused for good: {play.world.refused_webhooks}")
    return [*lines, *[await _draining(play, outage, side) for side in SIDES]]


async def _closing(play: Play, outage: Outage, side: Side) -> str:
    """What the product did about the closed connection."""
    world, name = play.world, play.world.stage.connections[side]
    async with world.accord.database.begin() as tx:
        raised = await alerts.times_raised(tx, f"connection/{name}")
        stands = [one.key for one in await alerts.open_alerts(tx)]
    state = await _workflow(play, name)
    assert outage.true_ended is not None
    asked = await world.controls[side].journal(play.since[side])
    tried = sum(outage.true_began <= one.at < outage.true_ended for one in asked)
    told = f"probed {state.probes} times, {state.woken} pairs woken; " if state else ""
    return f"{tried} requests meanwhile; {told}alerts raised {raised}, standing {stands.count(f'connection/{name}')}"


async def _workflow(play: Play, name: str) -> ConnectionState | None:
    handle = play.world.accord.temporal.get_workflow_handle_for(ConnectionWorkflow.run, f"connection/{name}")
    try:
        return await handle.query(ConnectionWorkflow.ask_state)
    except RPCError:
        return None


async def _draining(play: Play, outage: Outage, side: Side) -> str:
    """Requests that a system took from the outage's end to the last write, and their density."""
    assert outage.true_ended is not None
    entries = await play.world.controls[side].journal(play.since[side])
    name = play.world.stage.case.given.sides.get("A" if side is Side.A else "B", side.value)
    after = [one for one in entries if one.at >= outage.true_ended and one.status is not None]
    written = [one for one in after if one.applied]
    if not written:
        return f"{name}: {len(after)} requests after it, none a write"
    until = _until(after, written[-1].at)
    span, most = written[-1].at - outage.true_ended, most_within_a_second([one.at for one in until])
    refused = sum(one.status == 429 for one in until)
    drained = f"{len(written)} writes in {len(until)} requests and {span:.1f} s"
    return f"{name}: {drained}, at most {most} in any second, {refused} refused by 429"


def _until(entries: Sequence[Entry], last: float) -> list[Entry]:
    return [one for one in entries if one.at <= last]
