"""One case from its start to its end: its events happen in the systems, its settles let the product do its work."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from typing import Any

from domain.sides import SIDES, Side
from lab.scenarios.comparison import Outcome
from lab.scenarios.corpus import SIDE_WORDS, Event, Given, SideWord
from lab.scenarios.live.apart import apart
from lab.scenarios.live.door import Door
from lab.scenarios.live.ending import outcome_of, writes_of
from lab.scenarios.live.knocks import is_at_the_door
from lab.scenarios.live.preparing import has_records, is_linked_at_start, link, prepare
from lab.scenarios.live.rates import Alarm
from lab.scenarios.live.reviewing import Reviewer
from lab.scenarios.live.several import act_on_one, conflict_each, edit_each, merge
from lab.scenarios.live.troubles import Troubles
from lab.scenarios.live.world import World
from lab.scenarios.translation import side_of
from lab.systems.injections import Injection
from lab.systems.outbox import Order


@dataclass(frozen=True, slots=True)
class Resent:
    """A record's last webhook that will come again."""

    due: float
    side: Side
    times: int
    altered: dict[str, Any] | None


@dataclass(slots=True)
class Play:
    """Plays one case. What every event does is the case's own words; how it is judged is not known here."""

    world: World
    gateway_url: str
    reviewer: Reviewer
    troubles: Troubles
    door: Door
    resent: list[Resent] = field(default_factory=list)
    first_sides: list[Side] = field(default_factory=list)
    """Whose webhooks are let go first at the next settle, one side after the other."""
    order: Order = "kept"
    is_linked: bool = False
    """By hand, at the first settle."""
    before: dict[SideWord, int] = field(default_factory=dict)

    since: dict[Side, int] = field(default_factory=dict)
    """The last request to each system before the case began."""

    async def run(self) -> Outcome:
        """Play the case to its end and say how it ended.

        Raises:
            Restless: It doesn't come to rest.
            Inexpressible: It asks for what can't be done here.
        """
        world = self.world
        try:
            await prepare(world, self.gateway_url)
            self.door.logbook.open()
            self.before = await writes_of(world.controls, world.name, world.others)
            self.since = {side: await world.controls[side].journal_end() for side in SIDES}
            events = world.stage.case.events
            for _, group in groupby(events, _at_once(events)):
                await self._happen(list(group))
            await self._settle(max((event.t for event in events), default=0.0))
            self.door.finish()
            ended = await outcome_of(
                world.accord.database, world.controls, world.name, before=self.before, others=world.others
            )
            return ended.model_copy(update={"apart": await apart(world)})
        finally:
            await self.door.close()
            await self.troubles.end_all()
            await world.fall_silent()

    async def _happen(self, events: Sequence[Event]) -> None:
        """One event, or several that happen at once."""
        await self.troubles.pass_time(events[0].t)
        if len(events) == 1:
            await self._events[events[0].verb](events[0])
        else:
            async with asyncio.TaskGroup() as together:
                for event in events:
                    together.create_task(self._events[event.verb](event))

    @property
    def _events(self) -> dict[str, Callable[[Event], Coroutine[Any, Any, None]]]:
        return {
            "edit": self._edit,
            "poll": self._poll,
            "system_edit": self._edit,
            "create": self._create,
            "delete": self._delete,
            "move": self._move,
            "burst": self._burst,
            "edit_each": self._edit_each,
            "conflict_each": self._conflict_each,
            "merge": self._merge,
            "inject": self._inject,
            "signal": self._signal,
            "fault": self._go_wrong,
            "review": self.reviewer.decide,
            "config": self._configure,
            "settle": self._settle_at,
            "webhook_raw": self.door.knock,
            "http": self.door.request,
        }

    # --------------------------------------------------------------------------------------------------- people
    async def _edit(self, event: Event) -> None:
        if "record" in event.words:
            await act_on_one(self.world, event)
            return
        is_person = "edit" in event.words
        by = event.get("by") or ("somebody" if is_person else "automation")
        await self.world.edit(
            side_of(event.get(event.verb)),
            event.t,
            event.get("set"),
            by,
            is_person=is_person,
        )

    async def _poll(self, event: Event) -> None:
        await self.world.clock.turn_to(event.t)
        await self.world.poll(side_of(event.get("poll")), event.t)

    async def _create(self, event: Event) -> None:
        """Somebody creates a record. Its id and key are the system's affair, whatever the case calls them."""
        fields = {name: value for name, value in event.get("rec", {}).items() if name not in {"id", "key"}}
        await self.world.create(side_of(event.get("create")), event.t, fields, event.get("by", "somebody"))

    async def _edit_each(self, event: Event) -> None:
        await edit_each(self.world, event)

    async def _conflict_each(self, event: Event) -> None:
        await conflict_each(self.world, event)

    async def _merge(self, event: Event) -> None:
        await merge(self.world, event)

    async def _delete(self, event: Event) -> None:
        if "record" in event.words:
            await act_on_one(self.world, event)
            return
        await self.world.delete(side_of(event.get("delete")), event.t, event.get("by", "somebody"))

    async def _move(self, event: Event) -> None:
        await self.world.move(side_of(event.get("move")), event.t, str(event.get("new_key")))

    async def _burst(self, event: Event) -> None:
        """`n` edits of one field within `over` seconds; the last one's value says so."""
        burst = event.get("burst")
        number = int(burst["n"])
        step = float(burst.get("over", 0)) / number
        edits = [(event.t + n * step, {burst["field"]: f"edit {n}"}) for n in range(1, number + 1)]
        await self.world.edit_often(side_of(burst["side"]), edits)

    async def _inject(self, event: Event) -> None:
        """An edit that gets in just before the product's next read or write of the very record."""
        said = event.get("inject")
        before, word = said["at"].removeprefix("before_").split("_")
        side = side_of(word)
        await self.world.controls[side].inject(
            Injection(
                before=before,
                record_type=self.world.name,
                record=await self.world.find(side),
                fields=said.get("set", {}),
                by=said.get("by") or "somebody",
            )
        )

    async def _go_wrong(self, event: Event) -> None:
        await (self.door.redirect if is_at_the_door(event) else self.troubles.begin)(event)

    async def _configure(self, event: Event) -> None:
        """A new version of the declaration, and the pairs are told."""
        words = dict(event.get("config"))
        if "rotate_secret" in words:
            await self.world.rotate(side_of(words.pop("rotate_secret")))
            if not words:
                return
        changed: Given = self.world.given.changed_by(words)
        await self.world.switch(changed)
        await self.world.clock.turn_to(event.t)
        await self.world.declare()
        await self.world.look("a new version of the declaration")

    # -------------------------------------------------------------------------------------------------- delivery
    async def _signal(self, event: Event) -> None:
        """The last webhook of each side comes again, or what waits comes in another order."""
        said = event.get("signal") or {}
        order = said.get("order")
        sides = [
            side_of(word) for word in said.get("sides", order if isinstance(order, list) else SIDE_WORDS)
        ]
        if isinstance(order, list):
            self.first_sides = [side_of(word) for word in order]
        elif order not in {None, "concurrent", "kept"}:
            self.order = "shuffled" if order == "shuffled" else "reversed"
        if order is None or "n" in said:
            due, times = event.t + float(said.get("delay", 0)), int(said.get("n", 1))
            altered = {"fields": said["payload"]} if "payload" in said else None
            self.resent += [Resent(due, side, times, altered) for side in sides]

    async def _settle_at(self, event: Event) -> None:
        await self._settle(event.t)

    async def _settle(self, seconds: float) -> None:
        """Deliver all that waits and let the product come to rest."""
        world = self.world
        await world.clock.turn_to(seconds)
        await self._resend(seconds)
        if self._must_link():
            self.is_linked = True
            await link(world, await world.declare())
        for side in self.first_sides:
            await world.deliver(side, self.order)
        for control in world.controls:
            await control.release(self.order)
        self.first_sides, self.order = [], "kept"
        await world.rest.wait()
        if world.polls.sides:
            await self._poll_at_last()
        await world.hold()
        await Alarm(world).pass_time(seconds)
        await self.reviewer.look()

    async def _poll_at_last(self) -> None:
        """Twice: the second round meets what the first one led to, our own writes."""
        for _ in range(2):
            await self.world.poll_at_last()
            await self.world.rest.wait()

    async def _resend(self, seconds: float) -> None:
        due = [one for one in self.resent if one.due <= seconds]
        self.resent = [one for one in self.resent if one.due > seconds]
        for one in due:
            control, record = self.world.controls[one.side], await self.world.find(one.side)
            await control.resend(self.world.name, record, one.times, one.altered)

    def _must_link(self) -> bool:
        """Records that exist without a baseline and without a key to match them by are linked by hand, once."""
        given = self.world.given
        by_hand = has_records(given) and not (is_linked_at_start(given) or given.match_key)
        return by_hand and not self.is_linked


def _at_once(events: Sequence[Event]) -> Callable[[Event], object]:
    """The same mark for events that happen at the same time and say `concurrent`; another for every other one."""
    marks: dict[int, object] = {id(event): mark for mark, event in _marks(events)}
    return lambda event: marks[id(event)]


def _marks(events: Sequence[Event]) -> Iterator[tuple[object, Event]]:
    for number, event in enumerate(events):
        together = event.get("concurrent")
        yield (number if together is None else (event.t, together)), event
