"""People of one wave: they look, they save, they delete; a reviewer answers what is open, and what was open once."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from random import Random  # noqa: TID251 - seeded
from time import time
from typing import Any

import httpx

from domain.sides import Side
from lab.chaos.cast import DECLARED, EDITS
from lab.chaos.processes.plan import Act, LifePlan
from lab.crashes.ground import Ground
from lab.systems.records import Record
from store import reviews
from store.pairs import PairRow
from store.reviews import ReviewRow

LOOK_EVERY = 0.5
OLD = 0.3
"""How likely the reviewer answers, besides, a question that stood earlier, or the same one once more."""
ANSWER_WITHIN = 15.0
"""Seconds; the gateway itself waits ten for the verdict."""
FIELDS = {one.name: one for one in DECLARED}


@dataclass(slots=True)
class Life:
    """One pair and who has to do with it."""

    plan: LifePlan
    pair: PairRow
    began: float
    """True time."""
    decisions: list[dict[str, Any]] = field(default_factory=list)
    """Lines of the history: what the reviewer said, and when."""
    wanted: dict[str, bool] = field(default_factory=dict)
    """Token of each question that was ever seen open → whether the reviewer still wants to answer it."""
    chance: Random = field(init=False)
    """The reviewer's."""

    def __post_init__(self) -> None:
        self.chance = Random(self.plan.draw)

    def id(self, side: Side) -> str:
        return self.pair.ends[side].ref.id


@dataclass(slots=True)
class People:
    """Everybody who has to do with the pairs of a wave."""

    ground: Ground
    lives: Sequence[Life]

    async def live(self) -> None:
        """Do all that the plans say, each at its time."""
        async with asyncio.TaskGroup() as everybody:
            for life in self.lives:
                everybody.create_task(self._live(life))

    async def _live(self, life: Life) -> None:
        now = 0.0
        for act in life.plan.acts:
            await asyncio.sleep(max(0.0, act.at - now))
            now = max(now, act.at) + act.after
            await self._act(life, act)

    async def _act(self, life: Life, act: Act) -> None:
        control, kind, record_id = self.ground.controls[act.side], life.plan.rig.name, life.id(act.side)
        shown = (await control.record(kind, record_id)).record
        if shown.deleted:
            return
        if not act.fields:
            await control.delete(kind, record_id, by=act.by)
            return
        await asyncio.sleep(act.after)
        await control.edit(kind, record_id, _values(act, shown), by=act.by)

    # -------------------------------------------------------------------------------------------------- reviewers
    async def review(self) -> None:
        """Answer questions now and then, several at a time. Runs until cancelled."""
        lives = {life.pair.id: life for life in self.lives}
        async with asyncio.TaskGroup() as answers:
            while True:
                known = [review for review in await self._open() if review.pair_id in lives]
                for review in known:
                    life = lives[review.pair_id]
                    for token in self._taken_up(life, review.token):
                        answers.create_task(self._answer(life, token))
                await asyncio.sleep(LOOK_EVERY)

    async def _open(self) -> list[ReviewRow]:
        names = {life.plan.rig.name for life in self.lives}
        async with self.ground.accord.database.begin() as tx:
            return [
                row for name in names for row in await reviews.open_reviews(tx, integration=name, limit=1000)
            ]

    def _taken_up(self, life: Life, token: str) -> list[str]:
        """Which questions the reviewer answers, when one is seen open: that one perhaps, and perhaps one that was open earlier."""
        old = []
        if token not in life.wanted:
            old = [life.chance.choice([*life.wanted, token])] if life.chance.random() < OLD else []
            life.wanted[token] = life.chance.random() < life.plan.answers
        chosen = [token] if life.wanted[token] else []
        life.wanted[token] = False
        return old + chosen

    async def _answer(self, life: Life, token: str) -> None:
        """Noted beforehand, for whoever gets no answer may have been heard; struck out if it was refused."""
        choice = life.chance.choice(("approve", "side", "side"))
        side = life.chance.choice(("a", "b")) if choice == "side" else None
        said = {"by": "rita", "choice": choice, "side": side}
        line = {"kind": "decision", "at": time(), "token": token, **said}
        life.decisions.append(line)
        status = await self._post(token, said)
        if status is not None and status >= 300:
            life.decisions.remove(line)
            life.wanted[token] = True  # as long as it is open

    async def _post(self, token: str, said: dict[str, Any]) -> int | None:
        """The gateway's status; None if it gave no answer, and may have taken the decision all the same."""
        try:
            async with httpx.AsyncClient(base_url=self.ground.gateway_url, timeout=ANSWER_WITHIN) as client:
                return (await client.post(f"/api/reviews/{token}/decision", json=said)).status_code
        except httpx.HTTPError:
            return None


def _values(act: Act, shown: Record) -> dict[str, Any]:
    """What the person saves, who sees the record as it was shown."""
    chance = Random(act.draw)
    chosen = [FIELDS[name] for name in act.fields]
    return {
        one.native[act.side]: EDITS[one.name](shown.fields[one.native[act.side]], act.side, chance)
        for one in chosen
    }
