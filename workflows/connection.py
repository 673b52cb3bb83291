"""One outage of one connection, from its closing until all that waited for it has been woken.

Started by the gateway for each connection that the store says is closed; it ends when the connection works again, so
the Temporal UI lists outages, each with its length and its story.
"""

from __future__ import annotations

from datetime import timedelta

from pydantic import BaseModel
from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from activities.connecting import ConnectionActivities, Probed, ProbeInput, WakeInput, Woken
    from workflows import options


class ConnectionState(BaseModel):
    """Workflow input and memory. Grows only by fields with defaults."""

    connection: str
    system: str = ""
    waits_for: str = ""
    """Why the connection is closed, as last seen."""
    probes: int = 0
    woken: int = 0
    runs: int = 1


@workflow.defn
class ConnectionWorkflow:
    """Id `connection/<name>`."""

    @workflow.init
    def __init__(self, state: ConnectionState) -> None:
        self.state = state
        self._asked = False
        self._show()

    @workflow.signal
    def probe_now(self) -> None:
        """Don't wait out the pause: settings were corrected, or an operator says that it works again."""
        self._asked = True

    @workflow.query(name="state")
    def ask_state(self) -> ConnectionState:
        """How it stands, and how often it was probed."""
        return self.state

    @workflow.run
    async def run(self, state: ConnectionState) -> str:
        del state
        while True:
            probed = await self._until_open()
            if probed.outcome == "gone":
                return probed.story
            if await self._wake_all():
                return f"{probed.story}; {self.state.woken} pairs woken after {self.state.probes} probes"

    async def _until_open(self) -> Probed:
        """Probe until it works, with growing pauses, or those that the system asks for."""
        failures = 0
        while True:
            self._asked = False
            probed = await self._probe()
            if probed.outcome != "closed":
                self._show("")
                return probed
            self._show(probed.story)
            steps = options.PROBES_REFUSED if probed.health == "refused" else options.PROBES
            pause = probed.retry_in or steps[min(failures, len(steps) - 1)]
            failures += 1
            await self._wait(pause, probed.story)
            if workflow.info().is_continue_as_new_suggested():
                workflow.continue_as_new(self.state.model_copy(update={"runs": self.state.runs + 1}))

    async def _wake_all(self) -> bool:
        """Wake what waits, and once more what said so only meanwhile; False if the connection closed again."""
        await self._wake()
        await workflow.sleep(options.LATECOMERS, summary="pairs that noted only now that they wait")
        await self._wake()
        return (await self._probe()).outcome != "closed"

    async def _probe(self) -> Probed:
        self.state.probes += 1
        return await workflow.execute_activity_method(
            ConnectionActivities.probe_connection,
            ProbeInput(connection=self.state.connection),
            summary=f"does {self.state.connection} work?",
            priority=options.DECISION,
            **options.PROBE,
        )

    async def _wake(self) -> None:
        woken: Woken = await workflow.execute_activity_method(
            ConnectionActivities.wake_waiting,
            WakeInput(connection=self.state.connection),
            summary="wake the pairs that waited",
            **options.WAKE,
        )
        self.state.woken += woken.pairs
        self._show("")

    async def _wait(self, pause: timedelta, reason: str) -> None:
        try:
            await workflow.wait_condition(lambda: self._asked, timeout=pause, timeout_summary=reason[:200])
        except TimeoutError:
            return

    def _show(self, reason: str | None = None) -> None:
        state = self.state
        if reason is not None:
            state.waits_for = reason
        now = f"**Closed**: {state.waits_for}" if state.waits_for else "**Open**"
        counts = f"probed {state.probes} times, {state.woken} pairs woken, run {state.runs}"
        workflow.set_current_details(f"## {state.system} `{state.connection}`\n\n{now}\n\n{counts}")
