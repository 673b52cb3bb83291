"""Plays many cases, one after the other, on one stack that is started for them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from time import monotonic, time
from typing import Any

import httpx
import yaml
from pydantic import SecretStr
from temporalio.service import RPCError

from domain.errors import SyncError
from domain.sides import SIDES, Pair
from embedded.settings import EmbeddedSettings
from embedded.stack import EmbeddedStack
from gateway.assembly import Accord, assembled
from gateway.running import OURS, Programs, accord_on
from gateway.stack_file import StackFile
from integrations.settings import Settings
from lab.crashes.points import Points
from lab.scenarios.comparison import compare
from lab.scenarios.corpus import SIDE_WORDS, Case
from lab.scenarios.live.able import why_not_live
from lab.scenarios.live.case_clock import CaseClock, start_of_time
from lab.scenarios.live.claims import broken_claims
from lab.scenarios.live.door import Door
from lab.scenarios.live.figures import figures_of
from lab.scenarios.live.play import Play
from lab.scenarios.live.processes import Processes
from lab.scenarios.live.recording import Recording, recordings_of
from lab.scenarios.live.rest import Restless
from lab.scenarios.live.reviewing import Reviewer
from lab.scenarios.live.stage import TOKEN, Stage, connections_of, secret_file, stages_of
from lab.scenarios.live.troubles import EACH, Troubles
from lab.scenarios.live.world import World
from lab.scenarios.results import CaseResult
from lab.systems.process import LabSystem

PLAY_ERRORS = (Restless, SyncError, RPCError, httpx.HTTPError, ValueError, LookupError)
"""What one case can fail of without an end for the others: it never rests, a process is out, its words make no sense."""

AT_ONCE = 50
"""Cases per stack: each brings two connections, and the gateway opens and greets all of them when it starts."""


@dataclass(frozen=True, slots=True)
class Theatre:
    """The running product and the two systems that all cases share."""

    stack: EmbeddedStack
    accord: Accord
    gateway_url: str
    systems: Pair[LabSystem]
    points: Points
    """At which the worker dies, where a case wants that."""

    async def play(self, stage: Stage) -> tuple[CaseResult, World]:
        """Play one case and compare how it ended with what it expects."""
        started, play = monotonic(), self._play(stage)
        try:
            outcome = await play.run()
        except PLAY_ERRORS as error:
            what = f"{type(error).__name__}: {error}"
            return CaseResult.failed(stage.case, [what], monotonic() - started), play.world
        differences = [*map(str, compare(stage.case, outcome)), *play.door.departures]
        differences += await broken_claims(play.world, stage.case.expect.must, play.since)
        result = CaseResult.of(stage.case, differences, monotonic() - started)
        return result.model_copy(update={"figures": await figures_of(play)}), play.world

    def _play(self, stage: Stage) -> Play:
        controls = self.systems.map(lambda system: system.control)
        clock = CaseClock(stage.case.given, controls, start_of_time(stage.case, time()))
        world = World(stage, self.accord, controls, clock)
        return Play(
            world,
            self.gateway_url,
            Reviewer(world, self.gateway_url),
            Troubles(world, Processes(world, self.stack), self.points),
            Door(world, self.gateway_url, self.stack),
        )


async def run_live(cases: Sequence[Case], directory: Path) -> AsyncIterator[CaseResult]:
    """Play all cases that can be played; the others are told at once, with the word that stands in the way."""
    obstacles = [(case, why_not_live(case)) for case in cases]
    for case, why in obstacles:
        if why is not None:
            yield CaseResult.not_run(case, why)
    stages = stages_of(case for case, why in obstacles if why is None)
    for start in range(0, len(stages), AT_ONCE):
        batch = stages[start : start + AT_ONCE]
        async with opened(batch, directory / f"batch-{start}") as theatre:
            for stage in batch:
                result, _ = await theatre.play(stage)
                yield result


async def record_life(case: Case, directory: Path) -> tuple[CaseResult, list[Recording]]:
    """Play one case and keep the histories of its workflows."""
    (stage,) = stages_of([case])
    async with opened([stage], directory) as theatre:
        result, world = await theatre.play(stage)
        return result, await recordings_of(world)


@asynccontextmanager
async def opened(stages: Sequence[Stage], directory: Path) -> AsyncIterator[Theatre]:
    """Start systems, PostgreSQL, Temporal, worker and gateway; stop them all at the end."""
    settings = EmbeddedSettings.for_tests(directory / "stack")
    async with (
        EmbeddedStack(settings) as stack,
        await LabSystem.start("plain", "alpha", directory / "lab") as alpha,
        await LabSystem.start("plain", "beta", directory / "lab") as beta,
    ):
        systems = Pair(alpha, beta)
        asked = _asked(directory, connections_of(stages, systems.map(lambda system: system.url)))
        points = Points(directory / "points")
        points.prepare()
        programs, workers = OURS, 1
        if any(kills_everywhere(stage.case) for stage in stages):
            programs, workers = Programs(worker=("lab.crashes.worker", str(points.directory))), 2
            asked = asked.model_copy(update={"sandbox": False})  # which takes two seconds of every life
        elif (pace := max((pace_of(stage.case) for stage in stages), default=1.0)) > 1:
            programs = Programs(worker=("lab.scenarios.live.hasty_worker", f"{pace:g}"))
        async with (
            accord_on(stack, asked, workers=workers, programs=programs) as addresses,
            assembled(_ours(asked, addresses)) as accord,
        ):
            assert addresses.gateway_url is not None
            yield Theatre(stack, accord, addresses.gateway_url, systems, points)


def kills_everywhere(case: Case) -> bool:
    """Whether the case needs a worker that can be told where to die."""
    faults = [event.get("fault") for event in case.events if event.verb == "fault"]
    return any(isinstance(said, dict) and said.get("at") == EACH for said in faults)


def pace_of(case: Case) -> float:
    """How much faster than in production the worker's pauses in an outage of a system must be."""
    faults = [event.get("fault") for event in case.events if event.verb == "fault"]
    has_outage = any(isinstance(said, dict) and said.get("outage") in SIDE_WORDS for said in faults)
    return (case.given.pace or 1.0) if has_outage else 1.0


def _asked(directory: Path, connections: Mapping[str, Any]) -> Settings:
    """The settings of worker and gateway, but for the addresses that are known once the stack runs."""
    file = directory / "connections.yaml"
    file.write_text(yaml.safe_dump(dict(connections)))
    for side in SIDES:
        (directory / secret_file(side)).write_text(TOKEN)
    return Settings(connections_file=file, integrations_dir=directory, gateway_port=0)


def _ours(asked: Settings, addresses: StackFile) -> Settings:
    """The settings of this process, which looks at the store and speaks to the workflows as the others do."""
    return asked.model_copy(
        update={
            "database_url": SecretStr(addresses.database_url),
            "temporal_address": addresses.temporal_address,
        }
    )
