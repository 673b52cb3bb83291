"""One run: everything entered, then measured in rounds, contestant after contestant, so that noise hits all alike.

Every second round goes the other way round: a stack that grows slower as its histories grow would favour who comes first.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from time import time

from pydantic import BaseModel, Field

from lab.bench.contestants import YARDSTICKS, Contestant, Linked, enter_linked, enter_yardstick
from lab.bench.course import Change, burst, one_by_one, paced, saturate, span_of, wave
from lab.bench.meters import Requests, Told, cpu_of, requests_of, resident, told_by
from lab.bench.pairs import link_pairs
from lab.bench.results import Latency, Results, Row, claims_of
from lab.bench.stage import Stage

Tell = Callable[[str], None]


class Size(BaseModel, frozen=True):
    """How much is measured. The defaults end within three minutes on two cores."""

    pairs: int = Field(default=100, ge=10)
    """Lanes of each contestant; half of them are under way at once."""
    rounds: int = Field(default=2, ge=1)
    seconds: float = Field(default=8, gt=0)
    """Of a saturated machine, per contestant and round."""
    singles: int = Field(default=15, ge=2)
    """Unloaded changes per round."""
    pace: float = Field(default=10, gt=0)
    """Changes a second, neither alone nor saturated, for `paced` changes per round."""
    paced: int = Field(default=30, ge=2)
    idle: int = Field(default=200, ge=1)
    """Pairs linked to see what one that only waits costs in memory."""
    burst_pairs: int = Field(default=10, ge=2)
    burst_edits: int = Field(default=30, ge=1)


@dataclass(slots=True)
class Tally:
    """What one contestant did and cost so far."""

    name: str
    stage: Stage
    contestant: Contestant
    told: Told
    requests: Requests
    made: int = 0
    """Changes on a saturated machine, counted or not."""
    loaded: list[Change] = field(default_factory=list)
    busy: float = 0
    """Seconds in which these were made."""
    cpu: Counter[str] = field(default_factory=Counter)
    """Seconds by process, meanwhile."""
    unloaded: list[Change] = field(default_factory=list)
    paced: list[Change] = field(default_factory=list)

    @classmethod
    async def start(cls, name: str, stage: Stage, contestant: Contestant) -> Tally:
        return cls(name, stage, contestant, *await costs(stage, contestant))

    async def round(self, size: Size) -> None:
        """All that the machine can do, its processor time counted; then changes one by one; then at a steady pace.

        A contested pair's next conflict must be prepared at rest: there, all that can be done is a wave.
        """
        if isinstance(self.contestant, Linked) and self.contestant.contested:
            with self.metered():
                changes = await wave(self.contestant)
            self.note(changes, changes, span_of(changes))
        else:
            self.note(*await saturate(self.contestant, size.seconds, self.metered), size.seconds)
        self.unloaded += await one_by_one(self.contestant, size.singles)
        self.paced += await paced(self.contestant, size.paced, size.pace)

    @contextmanager
    def metered(self) -> Iterator[None]:
        """Count the processor time of the block."""
        before = cpu_of(self.stage.processes)
        yield
        used = cpu_of(self.stage.processes)
        self.cpu.update({name: seconds - before[name] for name, seconds in used.items()})

    def note(self, made: Sequence[Change], counted: Sequence[Change], seconds: float) -> None:
        """These were made, and some of them within the metered seconds."""
        self.made += len(made)
        self.loaded += counted
        self.busy += seconds

    async def row(self, edits: int = 1) -> Row:
        """The sums, per change; `edits` is how many each saturated change stands for."""
        saturated = len(self.loaded) * edits
        changes = self.made * edits + len(self.unloaded) + len(self.paced)
        told, requests = await costs(self.stage, self.contestant)
        return Row(
            name=self.name,
            changes=changes,
            per_second=saturated / self.busy,
            unloaded=Latency.of(self.unloaded),
            paced=Latency.of(self.paced),
            loaded=Latency.of(self.loaded),
            told=Told(*_per_change(told, self.told, changes)),
            requests=Requests(*_per_change(requests, self.requests, changes)),
            cpu_ms={name: 1000 * seconds / saturated for name, seconds in self.cpu.items()},
        )


async def measure(stage: Stage, size: Size, tell: Tell) -> Results:
    """All rows of a run."""
    tell("linking pairs")
    clean = await enter_linked(stage, "clean", size.pairs)
    conflict = await enter_linked(stage, "conflict", size.pairs, contested=True)
    bursting = await enter_linked(stage, "burst", size.burst_pairs)
    tell("idle pairs")
    idle = await _kilobytes_per_idle_pair(stage, size.idle)
    bare, http = [await enter_yardstick(stage, kind, size.pairs) for kind in YARDSTICKS]
    rows = await _rounds(stage, [bare, http, clean, conflict], size, tell)
    tell("echoes")
    rows.append(await _echoes(stage, clean))
    tell("bursts")
    rows.append(await _bursts(stage, bursting, size.burst_edits))
    return Results(rows=rows, kilobytes_per_idle_pair=idle, claims=claims_of(rows))


async def _rounds(stage: Stage, contestants: Sequence[Contestant], size: Size, tell: Tell) -> list[Row]:
    tallies = [await Tally.start(one.name, stage, one) for one in contestants]
    for number in range(1, size.rounds + 1):
        for tally in tallies if number % 2 else reversed(tallies):
            tell(f"round {number} of {size.rounds}: {tally.name}")
            await tally.round(size)
    return [await tally.row() for tally in tallies]


async def _kilobytes_per_idle_pair(stage: Stage, count: int) -> float:
    """What the worker grows by, per pair that has made its first pass and waits."""
    before = resident(stage.worker_pid)
    await link_pairs(stage, "idle", count)
    return (resident(stage.worker_pid) - before) / count / 1024


async def _echoes(stage: Stage, clean: Linked) -> Row:
    """Our own last writes, told once more by the system that took them."""
    tally = await Tally.start("echo", stage, clean)
    await stage.controls.b.hold()
    for pair in clean.pairs:
        await stage.controls.b.resend(clean.name, pair.records.b)
    with tally.metered():
        began = time()
        await stage.controls.b.change_settings(webhook_hold=False)
        await clean.rest()
        took = Change(began, time())
    echoes = [took] * len(clean.pairs)
    tally.note(echoes, echoes, took.seconds)
    return await tally.row()


async def _bursts(stage: Stage, bursting: Linked, edits: int) -> Row:
    """Many edits on each of a few pairs, until the last one of each stands on the other side."""
    tally = await Tally.start("burst", stage, bursting)
    with tally.metered():
        changes = await burst(bursting, edits)
    tally.note(changes, changes, span_of(changes))
    return await tally.row(edits)


async def costs(stage: Stage, contestant: Contestant) -> tuple[Told, Requests]:
    """All that the contestant has cost so far."""
    told = await told_by(stage.accord.temporal, contestant.workflows)
    return told, await requests_of(stage.controls, contestant.name)


def _per_change(after: Iterable[float], before: Iterable[float], changes: int) -> Iterator[float]:
    return ((now - then) / changes for now, then in zip(after, before, strict=True))
