"""Take over the links of another product: look at every line first, link only if none is wrong, or if told to."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path

from activities.rulebook import Rules
from domain.sides import Pair
from gateway.answers import LinkProblem, LinksTaken
from gateway.desks.desk import Desk
from gateway.desks.links import LinkDesk
from gateway.finding import Unknown
from gateway.link_file import LinkRow, read_links
from store import pairs
from store.errors import AlreadyLinked

AT_ONCE = 10
"""Lines looked at together: each costs a read in both systems."""
SHOWN = 100
"""Problems that are told; all are counted."""

Progress = Callable[[int], None]


@dataclass(slots=True)
class Tally:
    """What the lines come to."""

    wanted: int = 0
    already: int = 0
    bad: int = 0
    problems: list[LinkProblem] = field(default_factory=list)

    def note(self, row: LinkRow, said: str) -> None:
        """`said`: link, already, or what is wrong."""
        self.wanted += said == "link"
        self.already += said == "already"
        if said not in {"link", "already"}:
            self.bad += 1
            if len(self.problems) < SHOWN:
                self.problems.append(LinkProblem(line=row.line, a=row.keys.a, b=row.keys.b, reason=said))


@dataclass(frozen=True, slots=True)
class LinkFileDesk:
    desk: Desk

    async def take(
        self, integration: str, path: Path, *, by: str, dry_run: bool, skip_bad: bool, tell: Progress
    ) -> LinksTaken:
        """Link what the file says. Done again, it goes on where it stopped: what is linked already is passed over.

        Raises:
            Unknown: There is no such integration.
            ConfigError: The file can't be read, or has other columns.
            SystemUnavailable: A system or Temporal doesn't answer.
        """
        async with self.desk.accord.database.begin() as tx:
            rules = await self.desk.rules(tx, integration)
        found, linked = Tally(), 0
        async for row, said in self._looked_at(rules, path):
            found.note(row, said)
            tell(row.line)
        if not dry_run and (skip_bad or not found.bad):
            async for row, said in self._looked_at(rules, path):
                linked += said == "link" and await self._link(integration, row, by)
                tell(row.line)
        return LinksTaken(
            integration=integration,
            wanted=found.wanted,
            already=found.already,
            bad=found.bad,
            linked=linked,
            problems=tuple(found.problems),
        )

    async def _looked_at(self, rules: Rules, path: Path) -> AsyncIterator[tuple[LinkRow, str]]:
        lines = read_links(path)
        while rows := list(islice(lines, AT_ONCE)):
            said = await asyncio.gather(*(self._look(rules, row) for row in rows))
            for row, word in zip(rows, said, strict=True):
                yield row, word

    async def _look(self, rules: Rules, row: LinkRow) -> str:
        if row.problem:
            return row.problem
        try:
            records = await LinkDesk(self.desk).records(rules, row.keys)
        except Unknown as error:
            return error.message
        refs = records.map(lambda record: record.ref)
        async with self.desk.accord.database.begin() as tx:
            known = [
                p for ref in refs for p in await pairs.of_record(tx, ref.connection, ref.id, ref.record_type)
            ]
        ours = [pair for pair in known if pair.integration == rules.integration.name]
        other = next((pair for pair in ours if pair.ends.map(lambda end: end.ref) != refs), None)
        if other is not None:
            return f"contradicts the link of {other.ends.a.key} and {other.ends.b.key} (pair {other.id})"
        return "already" if ours else "link"

    async def _link(self, integration: str, row: LinkRow, by: str) -> bool:
        """Whether it was linked; somebody else may have linked one of them since it was looked at."""
        keys: Pair[str] = row.keys
        try:
            return (await LinkDesk(self.desk).link(integration, keys, by=by)).created
        except AlreadyLinked:
            return False
