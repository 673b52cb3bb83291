"""A poll: round, pause, round."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from temporalio import activity
from temporalio.client import Client, WorkflowFailureError, WorkflowHandle
from temporalio.exceptions import CancelledError
from temporalio.worker import UnsandboxedWorkflowRunner, Worker, WorkflowRunner
from temporalio.worker.workflow_sandbox import SandboxedWorkflowRunner

from activities.failures import StepInterceptor
from activities.polling import Polled, PollInput
from domain.errors import ConfigError, SystemUnavailable
from tests.workflows.stage import until
from workflows import options
from workflows.poll import PollState, PollWorkflow

pytestmark = pytest.mark.stack

SOON, LATER = timedelta(milliseconds=100), timedelta(hours=1)


def told(number: int, after: timedelta = SOON, **words: Any) -> Callable[[], Polled]:
    def answer() -> Polled:
        due = datetime.now(UTC) + after
        return Polled(outcome="polled", story=f"{number} told", told=number, next_at=due, **words)

    return answer


def ended() -> Polled:
    return Polled(outcome="ended", story="nothing is declared")


def failing(error: Exception) -> Callable[[], Polled]:
    def fail() -> Polled:
        raise error

    return fail


@dataclass
class System:
    """Answers rounds in order; the last answer is given for ever."""

    answers: list[Callable[[], Polled]] = field(default_factory=list)
    rounds: int = 0

    @activity.defn(name="poll_changes")
    async def poll_changes(self, asked: PollInput) -> Polled:
        assert (asked.connection, asked.record_type, asked.scope) == ("desk", "ticket", "team=ops")
        answer = self.answers[min(self.rounds, len(self.answers) - 1)]
        self.rounds += 1
        return answer()


@asynccontextmanager
async def polling(
    client: Client, system: System, runner: WorkflowRunner | None = None
) -> AsyncIterator[WorkflowHandle[PollWorkflow, str]]:
    queue = f"poll-{uuid4().hex[:8]}"
    worker = Worker(
        client,
        task_queue=queue,
        workflows=[PollWorkflow],
        activities=[system.poll_changes],
        interceptors=[StepInterceptor()],
        workflow_runner=runner or SandboxedWorkflowRunner(),
    )
    async with worker:
        state = PollState(connection="desk", record_type="ticket", scope="team=ops", system="Desk")
        handle = await client.start_workflow(
            PollWorkflow.run, state, id=f"poll/desk-{queue}", task_queue=queue
        )
        yield handle
        newest = client.get_workflow_handle(handle.id)
        if (await newest.describe()).close_time is None:
            await newest.terminate()


async def test_rounds_follow_one_another_as_they_are_due_until_there_is_nothing_to_ask(
    client: Client,
) -> None:
    system = System([told(3), told(4), ended])
    async with polling(client, system) as handle:
        assert await handle.result() == "nothing is declared"
        state = await handle.query(PollWorkflow.ask_state)
    assert (system.rounds, state.told) == (3, 7)


async def test_what_is_left_of_a_long_round_follows_at_once_and_counts_as_the_same(client: Client) -> None:
    system = System([told(200, timedelta(0), more=True), told(5, LATER)])
    async with polling(client, system) as handle:
        await until(lambda: system.rounds == 2)

        async def waits() -> bool:
            return "next at" in (await handle.query(PollWorkflow.ask_state)).waits_for

        await until(waits)
        state = await handle.query(PollWorkflow.ask_state)
    assert (state.told, state.rounds) == (205, 1)


async def test_whoever_cannot_wait_has_it_look_now_and_learns_when_that_is_done(client: Client) -> None:
    system = System([told(0, LATER)])
    async with polling(client, system) as handle:
        await until(lambda: system.rounds)
        await handle.signal(PollWorkflow.renew)

        async def answered() -> bool:
            return (await handle.query(PollWorkflow.ask_state)).answered == 1

        await until(answered)
    assert system.rounds == 2


async def test_an_outage_is_waited_out_by_the_activity(client: Client) -> None:
    system = System([failing(SystemUnavailable("the line is dead")), ended])
    async with polling(client, system) as handle:
        await handle.result()
        history = await handle.fetch_history()
    scheduled = [e for e in history.events if e.HasField("activity_task_scheduled_event_attributes")]
    assert (system.rounds, len(scheduled)) == (2, 1)


async def test_what_a_person_must_mend_is_shown_and_tried_again_when_told(client: Client) -> None:
    system = System([failing(ConfigError("no such field: tem")), ended])
    async with polling(client, system) as handle:

        async def waits() -> bool:
            return "no such field" in (await handle.query(PollWorkflow.ask_state)).waits_for

        await until(waits)
        assert system.rounds == 1
        await handle.signal(PollWorkflow.renew)
        await handle.result()


async def test_a_long_history_is_begun_anew_with_what_is_known(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(options, "EVENTS_PER_RUN", 10)
    system = System([told(1), told(1), told(1), told(0, LATER)])
    # Not sandboxed: a sandbox has a copy of the options.
    async with polling(client, system, UnsandboxedWorkflowRunner()) as handle:
        await until(lambda: system.rounds == 4)
        state = await client.get_workflow_handle(handle.id).query(PollWorkflow.ask_state)
    assert state.told == 3
    assert state.runs > 1


async def test_cancelling_ends_it(client: Client) -> None:
    system = System([told(0, LATER)])
    async with polling(client, system) as handle:
        await until(lambda: system.rounds)
        await asyncio.sleep(0)
        await handle.cancel()
        with pytest.raises(WorkflowFailureError) as failed:
            await handle.result()
    assert isinstance(failed.value.cause, CancelledError)
