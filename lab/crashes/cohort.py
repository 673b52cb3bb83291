"""A cohort: pairs of one kind that people work on at the same time, and how each of them stands in the end."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta

import httpx
from pydantic import JsonValue

from domain.outcome import LogLine
from domain.sides import SIDES, Pair, Side
from lab.crashes.ground import Ground
from lab.crashes.kinds import START, End, Kind
from lab.scenarios.live.rest import Rest, until
from lab.systems.control_api import Action
from lab.systems.records import Record
from store import conflicts, pairs, reviews
from store.pairs import EndRow, PairRow

PATIENCE = timedelta(minutes=8)
"""A pair that dies again and again waits between its tries, up to half a minute."""
LOOK_EVERY = 0.2


@dataclass(slots=True)
class Cohort:
    """So many pairs of one kind, told apart by their titles."""

    ground: Ground
    kind: Kind
    titles: list[str]
    rows: dict[str, PairRow] = field(default_factory=dict)
    """By title, the pairs that were linked beforehand."""
    made: list[tuple[Side, str]] = field(default_factory=list)
    """Records that people made."""

    # ----------------------------------------------------------------------------------------------- beforehand
    async def prepare(self) -> None:
        """Linked pairs in step, where the kind begins with pairs."""
        version = await self.ground.declare(self.kind.name, self.kind.declaration)
        if self.kind.creates:
            return
        a, b = [await self._create(side) for side in SIDES]
        for title, left, right in zip(self.titles, a, b, strict=True):
            self.rows[title] = await self._link(version, title, Pair(left, right))

    async def _create(self, side: Side) -> list[Record]:
        actions = [
            Action(do="create", record_type=self.kind.name, fields={**START, "title": title}, by="ines")
            for title in self.titles
        ]
        made = await self.ground.controls[side].act(actions)
        self.made += [(side, record.id) for record in made]
        return made

    async def _link(self, version: int, title: str, records: Pair[Record]) -> PairRow:
        name = self.kind.name
        ends = Pair.of(lambda s: EndRow(self.ground.ref(s, name, records[s].id), records[s].key))
        moves = {unit: (unit, unit, value, value) for unit, value in {**START, "title": title}.items()}
        return await self.ground.link(name, version, ends, moves)

    # ------------------------------------------------------------------------------------------------ at work
    async def work(self) -> None:
        """What people do; hold the webhooks meanwhile, so that both sides' edits are there before any is heard of."""
        if self.kind.creates:
            await self._create(Side.A)
        for side in SIDES:
            actions = [action for title in self.titles for action in self._actions(side, title)]
            if actions:
                await self.ground.controls[side].act(actions)

    def _actions(self, side: Side, title: str) -> list[Action]:
        if title not in self.rows:
            return []
        record = self.rows[title].ends[side].ref.id
        edits = dict(self.kind.edits[side])
        done = [Action(do="edit", record_type=self.kind.name, id=record, fields=edits, by="ines")] * bool(
            edits
        )
        if self.kind.deletes and side is Side.A:
            done.append(Action(do="delete", record_type=self.kind.name, id=record, by="ines"))
        return done

    async def decide(self) -> None:
        """Answer every review as soon as it is open, and again while nobody takes the answer. Runs until cancelled."""
        while self.kind.decides:
            async with self.ground.accord.database.begin() as tx:
                waiting = await reviews.open_reviews(tx, integration=self.kind.name)
            for review in waiting:
                await self._answer(review.token)
            await asyncio.sleep(LOOK_EVERY)

    async def _answer(self, token: str) -> None:
        body = {"by": "ines", "choice": "side", "side": self.kind.decides}
        try:
            async with httpx.AsyncClient(base_url=self.ground.gateway_url, timeout=30) as client:
                await client.post(f"/api/reviews/{token}/decision", json=body)
        except httpx.HTTPError:
            """The gateway died of it; whoever asks gets no answer, and asks again."""

    async def rest(self) -> None:
        """Wait until nothing is under way in the systems, the store and Temporal.

        Raises:
            Restless: Something still is, after eight minutes.
        """
        accord, name = self.ground.accord, self.kind.name
        rest = Rest(accord.database, accord.temporal, self.ground.controls, name, self._matching)

        async def is_done() -> bool:
            return not await self._asked() and await rest.is_reached()

        await until(is_done, f"{name} at rest", PATIENCE)

    async def _matching(self) -> list[str]:
        """Ids that workflows bear that match the records which people made."""
        name = self.kind.name
        return [f"match/{name}/{self.ground.ref(side, name, record)}" for side, record in self.made]

    async def _asked(self) -> bool:
        if not self.kind.decides:
            return False
        async with self.ground.accord.database.begin() as tx:
            return bool(await reviews.open_reviews(tx, integration=self.kind.name))

    # ---------------------------------------------------------------------------------------------- in the end
    async def violations(self) -> list[str]:
        """Where a pair stands otherwise than it must."""
        found = await self.ends()
        expected = {title: self.kind.expected(title) for title in self.titles}
        return [
            f"{self.kind.name} {title}: must be {expected[title]}, is {found[title]}"
            for title in self.titles
            if found[title] != expected[title]
        ]

    async def ends(self) -> dict[str, End]:
        """How each pair stands, by title."""
        records = Pair(*[await control.records(self.kind.name) for control in self.ground.controls])
        async with self.ground.accord.database.begin() as tx:
            linked = await pairs.listing(tx, integration=self.kind.name, link=None, limit=1000)
            logs = {row.id: [r.line for r in await conflicts.of_pair(tx, row.id)] for row in linked}
        titled = {record.id: str(record.fields.get("title")) for record in records.a}
        of_title = {titled.get(row.ends.a.ref.id, ""): row for row in linked}
        return {title: _end(title, records, of_title.get(title), logs) for title in self.titles}


def _end(title: str, records: Pair[list[Record]], row: PairRow | None, logs: dict[str, list[LogLine]]) -> End:
    shown = records.map(lambda side: _existing(side, title))
    lines = tuple(_line(line) for line in logs[row.id]) if row else ()
    return End(shown, lines, row.link if row else "none")


def _existing(side: list[Record], title: str) -> tuple[Mapping[str, JsonValue], ...]:
    """The declared fields of the records with this title; a set's elements in one order."""
    found = [record.fields for record in side if not record.deleted and record.fields.get("title") == title]
    return tuple({name: _in_order(fields.get(name)) for name in START} for fields in found)


def _in_order(value: JsonValue) -> JsonValue:
    return sorted(value, key=str) if isinstance(value, list) else value


def _line(line: LogLine) -> str:
    return f"{line.unit}: {line.stage.value} {line.winner.value if line.winner else ''}".strip()
