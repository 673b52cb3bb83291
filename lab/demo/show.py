"""The whole evening: start, play, show the table, wait for a decision, stop."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

from gateway.answers import DecisionAnswer
from gateway.commands.running import asked_to_stop
from lab.demo.chaos import Chaos, Victim
from lab.demo.hands import Hands, last_round
from lab.demo.outcome import Onlooker, Row
from lab.demo.play import Play, persistently, until
from lab.demo.script import DIVERGENCE, Name
from lab.demo.stage import Stage, opened
from lab.demo.telling import Teller

LOOK_FOR_A_DECISION_EVERY = 0.5
INTERRUPTED = 130
"""What a shell says of a command that was stopped by Ctrl-C."""


async def run_demo(*, once: bool, fresh: bool, victims: Sequence[Victim]) -> int:
    """Play the script, then let a person decide (or decide oneself, with `once`); the exit code.

    Raises:
        EmbeddedError: Something can't run here, runs already, or died too often.
    """
    tell, stop = Teller(), asked_to_stop()
    evening = Evening(tell, once=once, fresh=fresh, victims=victims)
    playing, stopping = asyncio.create_task(evening.run()), asyncio.create_task(stop.wait())
    await asyncio.wait({playing, stopping}, return_when=asyncio.FIRST_COMPLETED)
    stopping.cancel()
    if not playing.done():
        tell.stopping()
        playing.cancel()
        await asyncio.gather(playing, return_exceptions=True)
        return evening.code
    playing.result()
    return evening.code


@dataclass(slots=True)
class Evening:
    """One visit to the demo."""

    tell: Teller
    once: bool
    fresh: bool
    victims: Sequence[Victim]
    code: int = INTERRUPTED
    """The exit code, known once the table has been shown."""

    async def run(self) -> None:
        """Start everything, play, and stop everything.

        Raises:
            ChildFailed: A process died too often.
        """
        async with opened(self.tell.starting) as stage:
            self.tell.started()
            await _while_all_live(stage, self._play_on(stage))

    async def _play_on(self, stage: Stage) -> None:
        hands = Hands(stage.controls, max(1, await last_round(stage.controls) + self.fresh))
        onlooker = Onlooker(stage.operations.pairs.desk, hands)
        play = Play(stage.operations, hands, onlooker, Chaos(stage.stack, self.victims), self.tell)
        last_act = LastAct(stage, play, self.tell)
        rows = await play.run()
        if self.once:
            await last_act.decide()
            rows = await play.rows()
        await self._conclude(rows, await persistently(hands.untagged))
        if not self.once:
            await last_act.wait_for_a_decision()

    async def _conclude(self, rows: Sequence[Row], strangers: Mapping[Name, int]) -> None:
        self.tell.table(rows)
        self.tell.mismatch(rows)
        self.tell.strangers(strangers)
        is_right = all(row.is_as_expected for row in rows) and not any(strangers.values())
        self.code = 0 if is_right else 1


async def _while_all_live(stage: Stage, work: Coroutine[None, None, None]) -> None:
    """Work until it is done, or until a process is given up.

    Raises:
        ChildFailed: Its message names the process and the end of its log.
    """
    failing = asyncio.create_task(stage.stack.supervisor.first_failure())
    working = asyncio.create_task(work)
    try:
        await asyncio.wait({failing, working}, return_when=asyncio.FIRST_COMPLETED)
        if not working.done():
            raise failing.result()
        working.result()
    finally:
        for task in (failing, working):
            task.cancel()
        await asyncio.gather(failing, working, return_exceptions=True)


@dataclass(frozen=True, slots=True)
class LastAct:
    """The review that is left open, and what becomes of it."""

    stage: Stage
    play: Play
    tell: Teller

    async def decide(self) -> None:
        """Decide as the demo does when nobody is there: the developer's closure stands. Once only."""
        answer = await persistently(self._decide)
        if answer is not None:
            self.tell.said(answer.message)
            await self._settled()

    async def wait_for_a_decision(self) -> None:
        """Say how to decide; show what came of it; stay until somebody stops the demo."""
        self.tell.doors(self.stage.addresses)
        row = await self._row()
        if not row.decided_for:
            self.tell.question(row.keys["servicenow"])
            while not (await self._row()).decided_for:
                await asyncio.sleep(LOOK_FOR_A_DECISION_EVERY)
            await self._settled()
        self.tell.farewell()
        await asyncio.Event().wait()

    async def _decide(self) -> DecisionAnswer | None:
        """None if that was done before: by a person, or by a demo that was killed."""
        row = await self.play.onlooker.row(DIVERGENCE)
        if row.decided_for:
            return None
        return await self.stage.operations.reviews.decide(
            row.keys["servicenow"], "side", side="Jira", by="the demo", unit="state"
        )

    async def _settled(self) -> None:
        """Wait until what was decided stands in both systems, and show it."""
        row = await until(
            self._row,
            lambda row: bool(row.decided_for) and not row.ending.waits and bool(row.ending.written),
            "the decision is carried out",
        )
        self.tell.row(row)

    async def _row(self) -> Row:
        return await persistently(partial(self.play.onlooker.row, DIVERGENCE))
