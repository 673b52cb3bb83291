"""Keeps one query of a connection polled: a round, a pause as the rhythm says, for ever.

The activity decides when to look again, by the settings as they are then; here is only waited. Rounds that were missed
while nothing ran are made up for by one. An outage is waited out by the activity's own retries, at no cost in history.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from pydantic import AwareDatetime, BaseModel
from temporalio import workflow
from temporalio.exceptions import ActivityError, is_cancelled_exception

with workflow.unsafe.imports_passed_through():
    from activities.polling import PollActivities, Polled, PollInput
    from workflows import options

MENDING = timedelta(minutes=5)
"""Between two tries where a setting is wrong; `renew` tries at once."""


class PollState(BaseModel):
    """Workflow input and memory. Grows only by fields with defaults."""

    connection: str
    record_type: str
    scope: str | None = None
    system: str = ""
    told: int = 0
    """Change notices kept so far."""
    rounds: int = 0
    asked: int = 0
    """How often somebody wanted a round at once."""
    answered: int = 0
    """How many of these a round has answered that began later."""
    last: str = ""
    last_at: AwareDatetime | None = None
    next_at: AwareDatetime | None = None
    waits_for: str = ""
    runs: int = 1


@workflow.defn
class PollWorkflow:
    """One per connection, record type and query. Id `poll/<connection>/<record type>/<digest of the query>`."""

    @workflow.init
    def __init__(self, state: PollState) -> None:
        self.state = state
        self._show("asks what has changed")

    @workflow.signal
    def renew(self) -> None:
        """Look now: declarations or settings may have changed, or somebody doesn't want to wait."""
        self.state.asked += 1

    @workflow.query(name="state")
    def ask_state(self) -> PollState:
        """What the last round told, and when the next one is due."""
        return self.state

    @workflow.run
    async def run(self, state: PollState) -> str:
        while True:
            asked = self.state.asked
            polled = await self._round()
            self.state.answered = asked
            if polled is not None and polled.outcome == "ended" and self.state.asked == asked:
                return polled.story
            await self._pause(polled)
            if options.is_long(workflow.info()):
                workflow.continue_as_new(self.state.model_copy(update={"runs": self.state.runs + 1}))

    async def _round(self) -> Polled | None:
        """One activity; None if it failed for good, which only a person can mend."""
        self._show("asks what has changed")
        try:
            polled = await self._activity()
        except ActivityError as error:
            if is_cancelled_exception(error):
                raise
            self._note(str(error.__cause__ or error))
            return None
        self.state.told += polled.told
        self.state.rounds += not polled.more
        self._note(polled.story)
        return polled

    async def _activity(self) -> Polled:
        state = self.state
        return await workflow.execute_activity_method(
            PollActivities.poll_changes,
            PollInput(connection=state.connection, record_type=state.record_type, scope=state.scope),
            summary=f"what has changed of {state.record_type} on {state.connection}"[:200],
            priority=options.BACKGROUND,
            **options.POLL,
        )

    async def _pause(self, polled: Polled | None) -> None:
        """Until the next round is due, or somebody asks for it."""
        due = polled.next_at if polled is not None else None
        self.state.next_at = due or workflow.now() + MENDING
        span = max(self.state.next_at - workflow.now(), timedelta(0))
        if self._is_asked or not span:
            return
        reason = f"next at {_clock(self.state.next_at)}: {self.state.last}"
        self._show(reason)
        try:
            await workflow.wait_condition(lambda: self._is_asked, timeout=span, timeout_summary=reason[:200])
        except TimeoutError:
            return

    @property
    def _is_asked(self) -> bool:
        return self.state.asked > self.state.answered

    def _note(self, story: str) -> None:
        self.state.last, self.state.last_at = story, workflow.now()

    def _show(self, reason: str) -> None:
        self.state.waits_for = reason
        state = self.state
        last = f"**Last**, {_clock(state.last_at)}: {state.last}" if state.last_at else "**Last**: never"
        scope = f" where `{state.scope}`" if state.scope else ""
        told = f"{state.rounds} rounds, {state.told} changes told, run {state.runs}"
        workflow.set_current_details(
            f"## {state.system} `{state.connection}`: {state.record_type}{scope}\n\n"
            f"**Now**: {reason}\n\n{last}\n\n{told}"
        )


def _clock(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M:%S} UTC"
