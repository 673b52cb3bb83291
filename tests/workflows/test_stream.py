"""A connection's stream: one reading activity after the other."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

import pytest
from temporalio import activity
from temporalio.client import Client, WorkflowFailureError, WorkflowHandle
from temporalio.exceptions import CancelledError
from temporalio.worker import UnsandboxedWorkflowRunner, Worker, WorkflowRunner
from temporalio.worker.workflow_sandbox import SandboxedWorkflowRunner

from activities.failures import StepInterceptor
from activities.streaming import Streamed, StreamInput
from domain.errors import ConfigError, SystemUnavailable
from tests.workflows.stage import until
from workflows import options
from workflows.stream import StreamState, StreamWorkflow

pytestmark = pytest.mark.stack

ENDED = Streamed(outcome="ended", story="nothing is declared")


@dataclass
class Reader:
    """Answers legs in order; the last answer is given for ever."""

    answers: list[Callable[[], Any]] = field(default_factory=list)
    legs: int = 0
    broken_off: int = 0

    @activity.defn(name="read_stream")
    async def read_stream(self, asked: StreamInput) -> Streamed:
        assert asked.connection == "desk"
        answer = self.answers[min(self.legs, len(self.answers) - 1)]
        self.legs += 1
        try:
            answered = answer()
            return await answered if asyncio.iscoroutine(answered) else answered
        except asyncio.CancelledError:
            self.broken_off += 1
            raise


def told(number: int) -> Callable[[], Streamed]:
    return lambda: Streamed(outcome="read", story="", told=number)


def failing(error: Exception) -> Callable[[], Streamed]:
    def fail() -> Streamed:
        raise error

    return fail


async def for_ever() -> None:
    await asyncio.Event().wait()


@asynccontextmanager
async def reading(
    client: Client, reader: Reader, runner: WorkflowRunner | None = None
) -> AsyncIterator[WorkflowHandle[StreamWorkflow, str]]:
    queue = f"stream-{uuid4().hex[:8]}"
    worker = Worker(
        client,
        task_queue=queue,
        workflows=[StreamWorkflow],
        activities=[reader.read_stream],
        interceptors=[StepInterceptor()],
        workflow_runner=runner or SandboxedWorkflowRunner(),
    )
    async with worker:
        state = StreamState(connection="desk", system="PostgreSQL")
        handle = await client.start_workflow(
            StreamWorkflow.run, state, id=f"stream/desk-{queue}", task_queue=queue
        )
        yield handle
        newest = client.get_workflow_handle(handle.id)
        if (await newest.describe()).close_time is None:
            await newest.terminate()


async def test_legs_follow_one_another_until_there_is_nothing_to_read(client: Client) -> None:
    reader = Reader([told(3), told(4), lambda: ENDED])
    async with reading(client, reader) as handle:
        assert await handle.result() == "nothing is declared"
        state = await handle.query(StreamWorkflow.ask_state)
    assert (reader.legs, state.told) == (3, 7)


async def test_renewing_breaks_a_leg_off_and_begins_another(client: Client) -> None:
    reader = Reader([for_ever, lambda: ENDED])
    async with reading(client, reader) as handle:
        await until(lambda: reader.legs)
        await handle.signal(StreamWorkflow.renew)
        await handle.result()
    assert (reader.legs, reader.broken_off) == (2, 1)


async def test_an_outage_is_waited_out_by_the_activity(client: Client) -> None:
    reader = Reader([failing(SystemUnavailable("the line is dead")), lambda: ENDED])
    async with reading(client, reader) as handle:
        await handle.result()
        history = await handle.fetch_history()
    scheduled = [e for e in history.events if e.HasField("activity_task_scheduled_event_attributes")]
    assert (reader.legs, len(scheduled)) == (2, 1)


async def test_what_a_person_must_mend_is_shown_and_tried_again_when_told(client: Client) -> None:
    reader = Reader([failing(ConfigError("set wal_level = logical")), lambda: ENDED])
    async with reading(client, reader) as handle:

        async def waits() -> bool:
            return "wal_level" in (await handle.query(StreamWorkflow.ask_state)).waits_for

        await until(waits)
        assert reader.legs == 1
        await handle.signal(StreamWorkflow.renew)
        await handle.result()


async def test_a_long_history_is_begun_anew_with_what_is_known(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(options, "EVENTS_PER_RUN", 10)
    reader = Reader([told(1), told(1), told(1), for_ever])
    # Not sandboxed: a sandbox has a copy of the options.
    async with reading(client, reader, UnsandboxedWorkflowRunner()) as handle:
        await until(lambda: reader.legs == 4)
        state = await client.get_workflow_handle(handle.id).query(StreamWorkflow.ask_state)
    assert state.told == 3
    assert state.runs > 1


async def test_cancelling_ends_it(client: Client) -> None:
    reader = Reader([for_ever])
    async with reading(client, reader) as handle:
        await until(lambda: reader.legs)
        await handle.cancel()
        await until(lambda: reader.broken_off)
        with pytest.raises(WorkflowFailureError) as failed:
            await handle.result()
    assert isinstance(failed.value.cause, CancelledError)
