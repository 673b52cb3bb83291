"""The gap between creating a record and storing its link: the systems keep the product there."""

from __future__ import annotations

import re
from dataclasses import dataclass

from domain.sides import SIDES, Side
from lab.scenarios.live.rest import until
from lab.scenarios.live.world import World
from lab.systems.faults import Fault

BEFORE_CREATE = re.compile(r"(right )?before (the )?(post|create)\b.*", re.IGNORECASE)
BEFORE_LINK = re.compile(
    r"((right )?after (the )?(post|create)\w*,? ?(and )?)?(before (the )?link\b.*)?", re.IGNORECASE
)


def is_moment(words: object) -> bool:
    """Whether a case's words name a moment around a create."""
    return bool(words) and bool(BEFORE_CREATE.fullmatch(str(words)) or BEFORE_LINK.fullmatch(str(words)))


@dataclass(frozen=True, slots=True)
class Gap:
    """Brings the product to a moment around a create and holds it there."""

    world: World

    async def enter(self, moment: str) -> list[tuple[Side, int]]:
        """Wait until the product is there; the faults that hold it there, by side and number.

        Raises:
            Restless: It never creates anything.
        """
        side = self._target
        if BEFORE_CREATE.fullmatch(moment):
            return await self._before_create(side)
        return await self._before_link(side)

    @property
    def _target(self) -> Side:
        """Where the case has no record of its own, so that the product creates one."""
        return next((side for side in SIDES if not self.world.records[side]), Side.B)

    async def _before_create(self, side: Side) -> list[tuple[Side, int]]:
        held = [await self._arm(side, Fault(effect="outage", operation="create"))]
        control = self.world.controls[side]
        entries = await control.journal()
        since = entries[-1].n if entries else 0
        await self._deliver()

        async def is_tried() -> bool:
            return any(entry.status is None for entry in await control.journal(since))

        await until(is_tried, "a create is tried")
        return held

    async def _before_link(self, side: Side) -> list[tuple[Side, int]]:
        """The answer is lost, then nothing that was created can be found: no link can be stored."""
        blind = [Fault(effect="outage", operation="search"), Fault(effect="outage", operation="read")]
        held = [await self._arm(side, Fault(effect="lost_response", operation="create", times=1))]
        searches_first = bool(self.world.given.match_key)
        if not searches_first:
            held += [await self._arm(side, fault) for fault in blind]
        await self._deliver()
        before = len(self.world.records[side])

        async def is_created() -> bool:
            return len(await self.world.ids(side)) > before

        await until(is_created, "a record is created")
        if searches_first:
            held += [await self._arm(side, fault) for fault in blind]
        return held

    async def _arm(self, side: Side, fault: Fault) -> tuple[Side, int]:
        return side, await self.world.controls[side].arm(fault)

    async def _deliver(self) -> None:
        """Let what waits go; it isn't waited for, as the product may not come to an end with it."""
        for control in self.world.controls:
            await control.release()
