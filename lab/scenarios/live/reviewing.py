"""Reviewers as people are: each knows the token of the question that they saw, and answers at the door."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import httpx

from domain.outcome import Decision
from lab.scenarios.corpus import SIDE_WORDS, Event
from lab.scenarios.live.rest import until
from lab.scenarios.live.world import World
from lab.scenarios.translation import side_of
from store import reviews
from store.reviews import ReviewRow
from workflows.state import ApproveSignal, OverrideSignal

ANSWER_WITHIN = 30.0
"""Seconds; the gateway itself waits ten for the engine's verdict."""


@dataclass(slots=True)
class Reviewer:
    """Answers a case's reviews through the gateway's API.

    What the door refuses is also said straight to the workflow, as somebody with access to Temporal could: the engine
    must refuse it by itself.
    """

    world: World
    gateway_url: str
    opened: dict[str, str] = field(default_factory=dict)
    """By unit, the token of its question when it was first asked."""

    async def look(self) -> None:
        """See which questions are open; one that closed is forgotten."""
        waiting = await self._waiting()
        self.opened = {unit: self.opened.get(unit, review.token) for unit, review in waiting.items()}

    async def decide(self, event: Event) -> None:
        """Answer as the event says."""
        decision = await self._decision(event)
        if not await self._is_taken(decision):
            await self._say_to_the_engine(decision)

    async def _decision(self, event: Event) -> Decision:
        unit, choice = str(event.get("review")), event.get("choose")
        waiting = await self._waiting()
        seen_now = waiting[unit].token if unit in waiting else self.opened.get(unit, "")
        token = self.opened.get(unit, "") if event.get("saw") == "opened" else seen_now
        side = side_of(choice if choice in SIDE_WORDS else event.get("side", "A"))
        by = str(event.get("by", "somebody"))
        if choice in SIDE_WORDS:
            return Decision(token=token, unit=unit, choice="side", side=side, by=by)
        if choice == "value":
            return Decision(
                token=token, unit=unit, choice="value", side=side, value=event.get("value"), by=by
            )
        return Decision(token=token, unit=unit, choice="approve", by=by)

    async def _waiting(self) -> dict[str, ReviewRow]:
        async with self.world.accord.database.begin() as tx:
            return {row.unit: row for row in await reviews.open_reviews(tx, integration=self.world.name)}

    async def _is_taken(self, decision: Decision) -> bool:
        """Whether the door let it in. While nobody can take it (503), a person tries again."""
        if not decision.token:
            return False
        body = {
            "by": decision.by,
            "choice": decision.choice,
            "side": None if decision.side is None else decision.side.value,
            "value": decision.value,
        }
        answers: list[int] = []

        async def is_answered() -> bool:
            answers.append(await self._post(f"/api/reviews/{decision.token}/decision", body))
            return answers[-1] != httpx.codes.SERVICE_UNAVAILABLE

        await until(is_answered, "somebody takes the decision")
        return answers[-1] in {httpx.codes.OK, httpx.codes.ACCEPTED}

    async def _post(self, path: str, body: Mapping[str, Any]) -> int:
        async with httpx.AsyncClient(base_url=self.gateway_url, timeout=ANSWER_WITHIN) as client:
            return (await client.post(path, json=body)).status_code

    async def _say_to_the_engine(self, decision: Decision) -> None:
        pair = await self.world.pair()
        if pair is None:
            return
        handle = self.world.accord.temporal.get_workflow_handle(pair.workflow_id)
        if decision.choice == "approve":
            await handle.signal(
                "approve", ApproveSignal(token=decision.token, by=decision.by, unit=decision.unit)
            )
            return
        said = OverrideSignal(
            token=decision.token,
            side=decision.side.value if decision.side else "",
            value=decision.value,
            empty=decision.choice == "value" and decision.value is None,
            by=decision.by,
            unit=decision.unit,
        )
        await handle.signal("override", said)
