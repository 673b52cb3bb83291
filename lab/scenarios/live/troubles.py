"""What goes wrong in a case: faults of the systems for a span of the case's time, and processes that are killed."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from domain.sides import SIDES, Side
from gateway.operations import Operations
from lab.crashes.points import Points
from lab.scenarios.corpus import SIDE_WORDS, Event
from lab.scenarios.live.gap import Gap, is_moment
from lab.scenarios.live.outages import Outage
from lab.scenarios.live.processes import PROCESSES, Processes
from lab.scenarios.live.rest import PATIENCE, until
from lab.scenarios.live.world import MOST_PAIRS, World
from lab.scenarios.translation import side_of, word_of
from lab.systems.faults import Fault
from store import conflicts, connections, pairs, work
from workflows.state import OperatorSignal

DEATHS_WITHIN = timedelta(minutes=10)
EFFECTS = ("lost_response", "status", "outage", "list_empty", "slow")
PAUSE_SCALE = 30
GOLDEN = 0.618
"""Its multiples are spread evenly over a second: moments as good as random ones, and the same in each run."""
EACH = "EACH"
"""At every fault point of the worker in turn, see docs/crashes.md."""
MOMENTS = (None, "idle", "decided", "right after 2xx", "random", EACH)
"""When a process can be killed."""


@dataclass(frozen=True, slots=True)
class Armed:
    """A fault of a system, and when the case's time has left it behind."""

    side: Side
    number: int
    since: int
    """The last request before it."""
    until: float
    lists: bool
    """Whether it shows in listings only."""
    closes: bool
    """Whether it takes the whole connection away."""


@dataclass(slots=True)
class Troubles:
    """Begins and ends a case's troubles."""

    world: World
    processes: Processes
    points: Points
    armed: list[Armed] = field(default_factory=list)
    outages: list[Outage] = field(default_factory=list)
    """Of whole systems and of processes, those that are over too."""
    paused: list[tuple[Side, int]] = field(default_factory=list)
    """Faults that keep the product where it is, until `resume`."""

    async def begin(self, event: Event) -> None:
        """What the event says goes wrong from now on."""
        said = event.get("fault")
        if said.get("continue_as_new"):
            await self._renew()
        elif "kill" in said:
            await self._kill(said)
        elif "pause" in said:
            self.paused += await Gap(self.world).enter(str(said["pause"]))
            await self.world.hold()
        elif "resume" in said:
            await self._resume()
        elif "duplicate" in said:
            await self._duplicate(said)
        elif "drop_signal" in said:
            await self.world.lose(side_of(said["drop_signal"]))
        elif said.get("outage") in PROCESSES:
            await self._take_out(event.t, said)
        else:
            await self._arm(event.t, said)

    async def pass_time(self, seconds: float) -> None:
        """End the faults that are over by now. Each is met before: what waits is delivered while it lasts."""
        over = [one for one in self.armed if one.until <= seconds]
        out = [one for one in self.outages if one.lasts and one.until <= seconds]
        if not (over or out):
            return
        await self.world.clock.turn_to(min([*(one.until for one in over), *(one.until for one in out)]))
        for side in SIDES:
            await self.world.deliver(side, "apart" if out else "kept")
        await self._sweep(over)
        await until(lambda: self._is_met(over), "the fault is met")
        await self.world.hold()
        for outage in out:
            await outage.outlast()
        await self._end(over)
        for outage in out:
            await self._bring_back(outage)

    async def _sweep(self, faults: Sequence[Armed]) -> None:
        """A listing that lacks records is met by whoever lists."""
        if any(one.lists for one in faults):
            desk = Operations(self.world.accord).parity
            await desk.sweep(self.world.name, patience=PATIENCE)

    async def _is_met(self, faults: Sequence[Armed]) -> bool:
        """Whether every fault has shown itself in an answer, or nobody asks that system for anything."""
        return all([await self._has_struck(one) for one in faults]) or await self.world.rest.is_reached()

    async def _has_struck(self, one: Armed) -> bool:
        if one.closes and self.world.given.number > 1:
            return await self._is_noticed(one.side)
        entries = await self.world.controls[one.side].journal(one.since)
        return any(entry.status is None or entry.status >= 400 for entry in entries)

    async def _is_noticed(self, side: Side) -> bool:
        """Whether the connection is known to be out, and each pair waits for it."""
        async with self.world.accord.database.begin() as tx:
            row = await connections.get(tx, self.world.stage.connections[side])
            listed = await pairs.listing(tx, integration=self.world.name, limit=MOST_PAIRS)
        return row is not None and not row.is_open and all("unreachable" in pair.state for pair in listed)

    async def end_all(self) -> None:
        """The next case must not meet this one's faults."""
        await self._end(self.armed)
        for outage in self.outages:
            if outage.lasts:
                await self._bring_back(outage)
        await self._resume()

    # ------------------------------------------------------------------------------------------------- systems
    async def _arm(self, now: float, said: dict[str, Any]) -> None:
        effect = next(effect for effect in EFFECTS if effect in said)
        side = side_of(said[effect])
        entries = await self.world.controls[side].journal()
        since = entries[-1].n if entries else 0
        meant = said.get("record")
        record = None if meant is None else self.world.records[side][int(meant) - 1]
        number = await self.world.controls[side].arm(fault_of(effect, said, record))
        end = now + float(said["for"]) if _is_number(said.get("for")) else float(said.get("until", math.inf))
        whole = said.get("op", "any") == "any" and record is None
        closes = whole and (effect == "outage" or said.get("code") in {401, 503})
        self.armed.append(Armed(side, number, since, end, effect == "list_empty", closes))
        if closes and effect == "outage" and math.isfinite(end):
            self.outages.append(Outage(word_of(side), now, end, self.world.given.pace))

    async def _end(self, over: list[Armed]) -> None:
        for one in over:
            await self.world.controls[one.side].disarm(one.number)
        self.armed = [one for one in self.armed if one not in over]

    async def _resume(self) -> None:
        for side, number in self.paused:
            await self.world.controls[side].disarm(number)
        self.paused = []

    async def _duplicate(self, said: dict[str, Any]) -> None:
        """From now on every webhook of that side comes so many times."""
        side, copies = side_of(said["duplicate"]), int(said.get("n", 2))
        await self.world.controls[side].change_settings(webhook_copies=copies)

    # ----------------------------------------------------------------------------------------------- processes
    async def _take_out(self, now: float, said: dict[str, Any]) -> None:
        await self.processes.take_out(said["outage"])
        self.outages.append(Outage(said["outage"], now, float(said["until"]), self.world.given.pace))

    async def _bring_back(self, outage: Outage) -> None:
        if outage.what in PROCESSES:
            await self.processes.bring_back(outage.what)
        outage.end()

    async def _renew(self) -> None:
        """Have the pair's workflow continue as new, and wait until it has."""
        pair = await self.world.pair()
        assert pair is not None
        handle = self.world.accord.temporal.get_workflow_handle(pair.workflow_id)
        before = (await handle.describe()).run_id
        await handle.signal("renew", OperatorSignal(by="scenario"))

        async def has_new_run() -> bool:
            return (await handle.describe()).run_id != before

        await until(has_new_run, "the workflow continues as new")

    async def _kill(self, said: dict[str, Any]) -> None:
        name = said["kill"]
        moment = said.get("at")
        if is_moment(moment):
            self.paused += await Gap(self.world).enter(str(moment))
            await self.processes.kill(name)
            await self.world.hold()
            await self._resume()
        elif moment == "decided":
            await self._with_writes_out(self._until_decided, name)
        elif moment == "right after 2xx":
            for side in SIDES:
                await self.world.deliver(side)
            await self.processes.kill(name)
            await self.world.hold()
        elif moment == EACH:
            await self._kill_everywhere()
        elif moment == "random":
            await self._kill_often(name, int(said.get("times", 1)))
        else:
            await self.processes.kill(name)

    async def _kill_everywhere(self) -> None:
        """Let the product go to work, and die at every point on its way."""
        self.points.arm_each(self.world.name)
        for control in self.world.controls:
            await control.release()
        await until(self.world.rest.is_reached, "at rest after all deaths", DEATHS_WITHIN)
        self.points.disarm()
        await self.world.hold()

    async def _kill_often(self, name: str, times: int) -> None:
        """Kill again and again while the product is at work."""
        for control in self.world.controls:
            await control.release()
        for number in range(times):
            await asyncio.sleep(GOLDEN * number % 1)
            await self.processes.kill(name)
        await self.world.hold()

    async def _with_writes_out(self, reached: Callable[[], Awaitable[None]], name: str) -> None:
        """Kill at a moment before the first write: the systems take none until then."""
        outage = Fault(effect="outage", operation="write")
        numbers = [await control.arm(outage) for control in self.world.controls]
        for control in self.world.controls:
            await control.release()
        await reached()
        await self.processes.kill(name)
        await self.world.hold()
        for control, number in zip(self.world.controls, numbers, strict=True):
            await control.disarm(number)

    async def _until_decided(self) -> None:
        """Wait until the decision or the plan is on record."""

        async def is_decided() -> bool:
            pair = await self.world.pair()
            if pair is None:
                return False
            async with self.world.accord.database.begin() as tx:
                has_lines = bool(await conflicts.of_pair(tx, pair.id))
                return has_lines or (await work.load(tx, pair.id)).plan is not None

        await until(is_decided, "decided, not written")


def scaled_pause(seconds: float) -> int:
    """A pause that a system asks for, by the clock of the run: a thirtieth, in whole seconds as the header wants."""
    return max(1, round(seconds / PAUSE_SCALE))


def fault_of(effect: Any, said: dict[str, Any], record: str | None = None) -> Fault:
    """The lab's fault for a case's words. It ends by count, or when the case's time has passed its end.

    Args:
        effect: The word that says what goes wrong.
        said: All words.
        record: Id of the only record that it befalls.
    """
    number = said.get("times", 1 if effect == "lost_response" else None)
    wait = {"Retry-After": str(scaled_pause(said["retry_after"]))} if "retry_after" in said else {}
    return Fault(
        effect=effect,
        operation=said.get("op", "any"),
        record=record,
        times=number,
        status=int(said.get("code", 500)),
        headers=wait,
        reason=str(said.get("reason", "the system is not well")),
        delay=float(said.get("delay", 0)),
    )


def unknown_fault(said: dict[str, Any]) -> Iterator[str]:
    """Words of a fault that can't be brought about here."""
    if said.get("continue_as_new") or said.get("resume"):
        return
    if "pause" in said:
        if not is_moment(said["pause"]):
            yield f"pause {said['pause']}"
        return
    if "kill" in said:
        if said["kill"] not in PROCESSES:
            yield f"kill {said['kill']}"
        if said.get("at") not in MOMENTS and not is_moment(said.get("at")):
            yield f"kill at {said['at']}"
        return
    effects = [effect for effect in (*EFFECTS, "duplicate", "drop_signal") if effect in said]
    if said.get("outage") in PROCESSES:
        if not _is_number(said.get("until")):
            yield f"outage of {said['outage']} without an end"
        return
    if not effects or said[effects[0]] not in SIDE_WORDS:
        yield f"fault {next(iter(said), 'of no kind')}"
    yield from (f"fault.{word}" for word in ("field",) if word in said)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float)
