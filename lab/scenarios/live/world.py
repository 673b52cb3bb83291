"""One case's part of the running product: its records, its pair, and the hands that people and systems have."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

from activities.rulebook import Rules
from domain.records import RecordRef
from domain.sides import SIDES, Pair, Side
from gateway.assembly import Accord
from gateway.signaller import Signaller
from lab.scenarios.corpus import Given
from lab.scenarios.live.case_clock import CaseClock
from lab.scenarios.live.polling import Polls
from lab.scenarios.live.rest import Rest, patience_for, until
from lab.scenarios.live.stage import SECRET, Stage, secret_file
from lab.scenarios.live.switches import switches_of
from lab.scenarios.translation import spelled, word_of
from lab.systems.control import LabControl
from lab.systems.control_api import Action
from lab.systems.outbox import Order, Subscription
from store import integrations, pairs
from store.pairs import PairRow

MOST_PAIRS = 1000
"""Of one case."""


@dataclass(slots=True)
class World:
    """The case's own integration, record type and connections, on systems and processes that all cases share."""

    stage: Stage
    accord: Accord
    controls: Pair[LabControl]
    clock: CaseClock
    given: Given = field(init=False)
    """As it stands now: a `config` event changes it."""
    records: Pair[list[str]] = field(default_factory=lambda: Pair([], []))
    """Ids, the oldest first."""
    others: dict[str, Pair[str]] = field(default_factory=dict)
    """Ids of pairs beside the case's own, by the case's word for them."""
    polls: Polls = field(init=False)
    refused_webhooks: int = 0
    """That their senders have given up, once the case is over; with `webhook_retries: 0`, after the first try."""
    gateway_url: str = ""
    """Where webhooks are sent; known once they are."""

    def __post_init__(self) -> None:
        self.given = self.stage.case.given
        self.polls = Polls(self.stage, self.accord)

    @property
    def name(self) -> str:
        """Of the integration and of the record type."""
        return self.stage.name

    @property
    def rest(self) -> Rest:
        return Rest(
            self.accord.database,
            self.accord.temporal,
            self.controls,
            self.name,
            self.matching_ids,
            patience=patience_for(self.given),
        )

    async def matching_ids(self) -> list[str]:
        """Ids that workflows bear, or would bear, that match the case's records, whoever created them."""
        return [f"match/{self.name}/{self.ref(s, record)}" for s in SIDES for record in await self.ids(s)]

    @property
    def signaller(self) -> Signaller:
        return Signaller(self.accord.context, self.accord.temporal, self.accord.settings.task_queue)

    # ------------------------------------------------------------------------------------------------ declaring
    async def switch(self, given: Given) -> None:
        """Switch both systems to what the case says of them; webhooks are held from here on."""
        self.given = self.clock.given = given
        for side in SIDES:
            await self.controls[side].change_settings(webhook_hold=True, **switches_of(given, side))

    async def declare(self) -> Rules:
        """Apply the declaration that the case asks for now."""
        source = spelled(self.stage.declaration(self.given))
        async with self.accord.database.begin() as tx:
            version = await integrations.apply(tx, self.name, source, "scenario")
            return await self.accord.context.rules.at(tx, self.name, version)

    async def hear(self, gateway_url: str) -> None:
        """Have both systems send this record type's webhooks to the case's connections, but for those only polled."""
        self.gateway_url = gateway_url
        for side in SIDES:
            if self.given.cdc_of(word_of(side)).mode == "poll":
                continue
            connection = self.stage.connections[side]
            url = f"{gateway_url}/webhooks/{connection}"
            await self.controls[side].subscribe(
                Subscription(id=connection, url=url, secret=SECRET, record_types=[self.name])
            )

    async def lose(self, side: Side) -> None:
        """Whatever this side's webhooks have yet to tell is lost."""
        await self.controls[side].unsubscribe(self.stage.connections[side])
        await self.hear(self.gateway_url)

    async def fall_silent(self) -> None:
        """End the subscriptions: the next case's switches would speak through them. What they had come to is kept."""
        for side in SIDES:
            self.refused_webhooks += (await self.controls[side].webhooks())["failed"]
            await self.controls[side].unsubscribe(self.stage.connections[side])

    # --------------------------------------------------------------------------------------------------- records
    async def create(self, side: Side, seconds: float, fields: Mapping[str, Any], by: str = "person") -> str:
        """Somebody creates a record; its id."""
        self.polls.note(side, seconds)
        made = await self.controls[side].create(self.name, dict(fields), by=by, at=self.clock.at(seconds))
        self.records[side].append(made.id)
        return made.id

    async def edit(
        self,
        side: Side,
        seconds: float,
        fields: Mapping[str, Any],
        by: str,
        *,
        is_person: bool,
    ) -> None:
        self.polls.note(side, seconds)
        await self.controls[side].edit(
            self.name,
            await self.find(side),
            dict(fields),
            by=by,
            at=self.clock.at(seconds),
            origin="person" if is_person else "automation",
        )

    async def edit_often(self, side: Side, edits: Sequence[tuple[float, Mapping[str, Any]]]) -> None:
        """Many edits of one record by somebody, each at its own time."""
        self.polls.note(side, min((t for t, _ in edits), default=0.0))
        fixed: dict[str, Any] = {
            "do": "edit",
            "record_type": self.name,
            "id": await self.find(side),
            "by": "somebody",
        }
        await self.controls[side].act(
            [Action(**fixed, fields=dict(fields), at=self.clock.at(t)) for t, fields in edits]
        )

    async def rotate(self, side: Side) -> None:
        """Exchange the token of a system: there, and in the file that the connections name."""
        token = f"rotated-{uuid4().hex[:8]}"
        await self.controls[side].change_settings(token=token)
        file = self.accord.settings.connections_file.parent / secret_file(side)
        fresh = file.with_suffix(".new")
        fresh.write_text(token)
        fresh.replace(file)

    async def delete(self, side: Side, seconds: float, by: str) -> None:
        self.polls.note(side, seconds)
        await self.controls[side].delete(self.name, await self.find(side), by=by, at=self.clock.at(seconds))

    async def move(self, side: Side, seconds: float, key: str) -> None:
        self.polls.note(side, seconds)
        await self.controls[side].move(self.name, await self.find(side), key, at=self.clock.at(seconds))

    async def ids(self, side: Side) -> list[str]:
        """Of all records of a side, the oldest first, also of those that the product created."""
        found = await self.controls[side].records(self.name)
        return sorted((record.id for record in found), key=int)

    async def find(self, side: Side) -> str:
        """The record that a case means by its side: the youngest that it has itself, else the product's.

        Raises:
            LookupError: There is none yet.
        """
        known = self.records[side] or await self.ids(side)
        if not known:
            raise LookupError(f"{word_of(side)} has no record that this could be about")
        return known[-1]

    def named(self, side: Side, record: int | str) -> str:
        """The record with this number, or of the pair beside the case's own that is called so."""
        return self.others[record][side] if isinstance(record, str) else self.records[side][record - 1]

    def record(self, side: Side) -> str:
        """The youngest record of a side that the case itself has."""
        return self.records[side][-1]

    def ref(self, side: Side, record: str) -> RecordRef:
        """A record as Accord names it."""
        return RecordRef(connection=self.stage.connections[side], record_type=self.name, id=record)

    # -------------------------------------------------------------------------------------------------- webhooks
    async def deliver(self, side: Side, order: Order = "kept") -> None:
        """Let a side's held webhooks go and wait until each has been answered."""
        await self.controls[side].release(order)
        await until(lambda: self._is_delivered(side), f"webhooks of {word_of(side)} are delivered")

    async def hold(self) -> None:
        for control in self.controls:
            await control.hold()

    async def _is_delivered(self, side: Side) -> bool:
        return await self.controls[side].undelivered() == 0

    # ----------------------------------------------------------------------------------------------------- pairs
    async def pair(self) -> PairRow | None:
        """The case's active pair."""
        async with self.accord.database.begin() as tx:
            found = await pairs.listing(tx, integration=self.name)
        aside = {ids.a for ids in self.others.values()}
        return next((pair for pair in found if pair.ends.a.ref.id not in aside), None)

    async def poll(self, side: Side, seconds: float) -> None:
        """One round of polling, at which the index knows what it knew at this moment of the case."""
        await self.controls[side].change_settings(search_until=self.polls.known_until(side, seconds))
        await self.polls.poll(side)

    async def poll_at_last(self) -> None:
        """As often as it takes by the case's rhythm: the index has caught up."""
        for side in self.polls.sides:
            await self.controls[side].change_settings(search_until=None)
        await self.polls.poll_all()

    async def look(self, why: str) -> None:
        """Have the case's pairs look at both sides, as an operator's "sync now" does."""
        async with self.accord.database.begin() as tx:
            found = await pairs.listing(tx, integration=self.name, limit=MOST_PAIRS)
            rules = [await self.accord.context.rules.at(tx, self.name, pair.version) for pair in found]
        for pair, declared in zip(found, rules, strict=True):
            await self.signaller.look(pair, declared, why)
