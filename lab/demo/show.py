"""The whole evening: start, play, show the table, wait for a decision, stop."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from gateway.commands.running import asked_to_stop
from lab.demo.chaos import Chaos, Victim
from lab.demo.hands import Hands, last_round
from lab.demo.outcome import Onlooker, Row
from lab.demo.play import Play, until
from lab.demo.script import DIVERGENCE
from lab.demo.stage import Stage, opened
from lab.demo.telling import Teller

LOOK_FOR_A_DECISION_EVERY = 0.5


async def run_demo(*, once: bool, fresh: bool, victims: Sequence[Victim]) -> int:
    """Play the script, then let a person decide (or decide oneself, with `once`); the exit code."""
    tell, stop = Teller(), asked_to_stop()
    evening = asyncio.create_task(_evening(tell, once=once, fresh=fresh, victims=victims))
    stopping = asyncio.create_task(stop.wait())
    await asyncio.wait({evening, stopping}, return_when=asyncio.FIRST_COMPLETED)
    stopping.cancel()
    if evening.done():
        return evening.result()
    tell.stopping()
    evening.cancel()
    await asyncio.gather(evening, return_exceptions=True)
    return 0


async def _evening(tell: Teller, *, once: bool, fresh: bool, victims: Sequence[Victim]) -> int:
    async with opened(tell.starting) as stage:
        tell.started()
        hands = Hands(stage.controls, max(1, await last_round(stage.controls) + fresh))
        onlooker = Onlooker(stage.operations.pairs.desk, hands)
        play = Play(stage.operations, hands, onlooker, Chaos(stage.stack, victims), tell)
        last_act = LastAct(stage, play, tell)
        rows = await play.run()
        if once:
            await last_act.decide()
            rows = await play.rows()
        tell.table(rows)
        tell.mismatch(rows)
        if not once:
            await last_act.wait_for_a_decision(rows)
        return 0 if all(row.is_as_expected for row in rows) else 1


@dataclass(frozen=True, slots=True)
class LastAct:
    """The review that is left open, and what becomes of it."""

    stage: Stage
    play: Play
    tell: Teller

    async def decide(self) -> None:
        """Decide as the demo does when nobody is there: the developer's closure stands. Once only."""
        row = await self.play.onlooker.row(DIVERGENCE)
        if row.decided_for:
            return
        answer = await self.stage.operations.reviews.decide(
            row.keys["servicenow"], "side", side="Jira", by="the demo", unit="state"
        )
        self.tell.said(answer.message)
        await self._settled()

    async def wait_for_a_decision(self, rows: Sequence[Row]) -> None:
        """Say how to decide; show what came of it; stay until somebody stops the demo."""
        key = next(row.keys["servicenow"] for row in rows if row.scenario is DIVERGENCE)
        self.tell.doors(self.stage.addresses)
        row = await self.play.onlooker.row(DIVERGENCE)
        if not row.decided_for:
            self.tell.question(key)
            while not (row := await self.play.onlooker.row(DIVERGENCE)).decided_for:
                await asyncio.sleep(LOOK_FOR_A_DECISION_EVERY)
            await self._settled()
        self.tell.farewell()
        await asyncio.Event().wait()

    async def _settled(self) -> None:
        """Wait until what was decided stands in both systems, and show it."""
        row = await until(
            lambda: self.play.onlooker.row(DIVERGENCE),
            lambda row: bool(row.decided_for) and not row.ending.waits and bool(row.ending.written),
            "the decision is carried out",
        )
        self.tell.row(row)
