"""The real workflow loops on a real server, with activities that say what a test has them say."""

from __future__ import annotations

import asyncio
import inspect
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import count
from typing import Any

from temporalio import activity
from temporalio.api.enums.v1 import EventType
from temporalio.client import Client, WorkflowHandle
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.worker import Replayer, Worker, WorkflowRunner
from temporalio.worker.workflow_sandbox import SandboxedWorkflowRunner

from activities.counterpart import Matched, MatchInput
from activities.failures import StepInterceptor
from activities.messages import (
    Applied,
    ApplyInput,
    Assessed,
    ContestedField,
    DetectInput,
    Ended,
    EndInput,
    OpenReview,
    PairRef,
    Resolved,
    ResolveInput,
    ReviewEvent,
    SideNotice,
    Standing,
    StandingNote,
)
from domain.sides import Side
from workflows.catalogue import all_workflows
from workflows.pair import PairLoop, PairWorkflow
from workflows.state import OperatorSignal, PairState

INES = OperatorSignal(by="ines")
NUMBERS = count(1)
SETTLED = Applied(outcome="settled", story="settled")
DETACHED = Ended(outcome="detached", story="unlinked by ines", standing=Standing(states=("detached",)))


def a_review(token: str, opened_at: datetime, unit: str = "owner", /, **after: timedelta) -> OpenReview:
    """An open review; `remind=…, escalate=…, fallback=…` after its opening."""
    deadlines = {f"{event}_at": opened_at + span for event, span in after.items()}
    values = {"ServiceNow": "tom", "Jira": "eva"}
    return OpenReview(unit=unit, token=token, opened_at=opened_at, values=values, **deadlines)


def standing(*reviews: OpenReview, **words: Any) -> Standing:
    """In step, or waiting for these reviews."""
    states = ("pending_review",) if reviews else ("in_sync",)
    fields = tuple(review.unit for review in reviews)
    waits = f"a decision on {', '.join(fields)}" if reviews else ""
    return Standing(
        **{
            "states": states,
            "reviews": reviews,
            "fields": fields,
            "waits_for": waits,
            "notify": True,
            **words,
        }
    )


def found(outcome: str = "in_step", *contested: str, **words: Any) -> Assessed:
    """What detect says; `contested` are units."""
    fields = tuple(ContestedField(unit=unit, token=f"{unit}-1") for unit in contested)
    words = {"snapshots": (1, 1), "standing": standing(), **words}
    return Assessed.model_validate({"outcome": outcome, "story": outcome, "contested": fields, **words})


def waiting(*reviews: OpenReview, opened: bool = True, **words: Any) -> Resolved:
    """What resolve says where these reviews wait."""
    tokens = tuple(review.token for review in reviews) if opened else ()
    return Resolved.model_validate(
        {"outcome": "waits", "story": "waits", "opened": tokens, "standing": standing(*reviews), **words}
    )


Script = Callable[[Any], Any]


class Actors:
    """The activities by their real names. `plays[name]` answers, raises, or waits; `asked` keeps every call."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, Any]] = []
        self.attempts: list[int] = []
        self.plays: dict[str, Script] = {
            "detect": lambda _: found(),
            "resolve": lambda _: Resolved(outcome="nothing", story="nothing", standing=standing()),
            "apply": lambda _: SETTLED,
            "end": lambda _: DETACHED,
            "notify": lambda _: True,
            "note": lambda _: None,
            "match": lambda _: Matched(outcome="nothing", story="nothing"),
        }

    def calls(self, name: str) -> list[Any]:
        return [asked for step, asked in self.asked if step == name]

    def told(self) -> list[tuple[str, str]]:
        """(event, token) of every notification."""
        return [(event.event, event.token) for event in self.calls("notify")]

    async def _play(self, name: str, asked: Any) -> Any:
        self.asked.append((name, asked))
        self.attempts.append(activity.info().attempt)
        answer = self.plays[name](asked)
        return await answer if inspect.isawaitable(answer) else answer

    @activity.defn
    async def detect_changes(self, asked: DetectInput) -> Assessed:
        return Assessed.model_validate(await self._play("detect", asked))

    @activity.defn
    async def resolve_conflicts(self, asked: ResolveInput) -> Resolved:
        return Resolved.model_validate(await self._play("resolve", asked))

    @activity.defn
    async def apply_changes(self, asked: ApplyInput) -> Applied:
        return Applied.model_validate(await self._play("apply", asked))

    @activity.defn
    async def end_link(self, asked: EndInput) -> Ended:
        return Ended.model_validate(await self._play("end", asked))

    @activity.defn
    async def notify_reviewers(self, event: ReviewEvent) -> bool:
        return bool(await self._play("notify", event))

    @activity.defn
    async def note_standing(self, note: StandingNote) -> None:
        await self._play("note", note)

    @activity.defn
    async def match_record(self, asked: MatchInput) -> Matched:
        return Matched.model_validate(await self._play("match", asked))

    @property
    def activities(self) -> list[Callable[..., Any]]:
        return [
            self.detect_changes,
            self.resolve_conflicts,
            self.apply_changes,
            self.end_link,
            self.notify_reviewers,
            self.note_standing,
            self.match_record,
        ]


class Blocking:
    """A play that says it has begun and goes on only when told."""

    def __init__(self, answer: Any) -> None:
        self.begun, self.go_on = asyncio.Event(), asyncio.Event()
        self._answer = answer

    async def __call__(self, _: Any) -> Any:
        self.begun.set()
        await self.go_on.wait()
        return self._answer


@dataclass(slots=True)
class Stage:
    """One worker with its actors. Every history that was made here is replayed at the end."""

    client: Client
    queue: str
    runner: WorkflowRunner
    actors: Actors = field(default_factory=Actors)
    runs: list[tuple[str, str | None]] = field(default_factory=list)

    async def pair(self, kind: type[PairLoop] = PairWorkflow, *, state: PairState | None = None) -> Played:
        """Start a pair's workflow; by default it has both sides to look at."""
        pair_id = f"p{next(NUMBERS)}"
        given = state or looking(pair_id)
        handle = await self.client.start_workflow(
            kind.__name__, given, id=f"pair/tickets/{pair_id}", task_queue=self.queue
        )
        self.runs.append((handle.id, handle.first_execution_run_id))
        return Played(handle)

    async def close(self) -> None:
        """End what still runs, and show that each history replays."""
        for workflow_id, first_run in self.runs:
            latest = self.client.get_workflow_handle(workflow_id)
            for run in {first_run, (await latest.describe()).run_id}:
                await self._replay(workflow_id, run)
            if (await latest.describe()).close_time is None:
                await latest.terminate("the test is over")

    async def _replay(self, workflow_id: str, run: str | None) -> None:
        history = await self.client.get_workflow_handle(workflow_id, run_id=run).fetch_history()
        replayer = Replayer(
            workflows=all_workflows(),
            data_converter=pydantic_data_converter,
            workflow_runner=self.runner,
        )
        await replayer.replay_workflow(history)


@dataclass(frozen=True, slots=True)
class Played:
    """One pair's workflow, as its operators see it."""

    handle: WorkflowHandle[Any, Any]

    async def state(self) -> PairState:
        return await self.handle.query(PairWorkflow.ask_state)

    async def notice(self, side: Side = Side.A, **words: Any) -> None:
        await self.handle.signal(PairWorkflow.change_noticed, SideNotice(side=side, **words))

    async def idle(self) -> PairState:
        """Wait until everything that was heard is dealt with; the state then."""
        return await self.shows(lambda state: state.is_idle)

    async def shows(self, claim: Callable[[PairState], object]) -> PairState:
        await until(lambda: self._claims(claim))
        return await self.state()

    async def passed(self, passes: int, *, backing_off: bool = False) -> PairState:
        """Wait until so many passes are made and nothing is left to do, or the pair waits for a system."""
        return await self.shows(
            lambda state: state.passes == passes and (state.retry_at if backing_off else state.is_idle)
        )

    async def _claims(self, claim: Callable[[PairState], object]) -> object:
        return claim(await self.state())

    async def events(self, kind: str | None = None) -> int:
        """Events of the current run, of one kind or all."""
        history = await self.handle.fetch_history()
        wanted = None if kind is None else EventType.Value(f"EVENT_TYPE_{kind}")
        return sum(wanted in {None, event.event_type} for event in history.events)


def looking(pair_id: str = "p0", **words: Any) -> PairState:
    """A pair that has yet to look at both its sides."""
    pair = PairRef(
        integration="tickets", pair_id=pair_id, systems=("ServiceNow", "Jira"), keys=("INC1", "OPS-7")
    )
    state = PairState(pair=pair, **words)
    state.look_everywhere("linked")
    return state


@asynccontextmanager
async def staged(
    client: Client, runner: WorkflowRunner | None = None, *, queue: str = ""
) -> AsyncIterator[Stage]:
    """A worker, sandbox on and on a queue of its own unless told otherwise, for the length of one test."""
    stage = Stage(client, queue or f"accord-{next(NUMBERS)}", runner or SandboxedWorkflowRunner())
    worker = Worker(
        client,
        task_queue=stage.queue,
        workflows=all_workflows(),
        activities=stage.actors.activities,
        interceptors=[StepInterceptor()],
        workflow_runner=stage.runner,
        sticky_queue_schedule_to_start_timeout=timedelta(seconds=2),
    )
    async with worker:
        yield stage
        await stage.close()


async def until(claim: Callable[[], object | Awaitable[object]], seconds: float = 30) -> None:
    """Wait for a claim to come true."""
    deadline = time.monotonic() + seconds
    while True:
        said = claim()
        if await said if inspect.isawaitable(said) else said:
            return
        assert time.monotonic() < deadline, f"not within {seconds} s"
        await asyncio.sleep(0.02)
