"""Tell people, and note in the store where a pair stands while no pass can say so."""

from __future__ import annotations

from temporalio import activity

from activities.context import Context
from activities.display import sensitive_fields, side_values
from activities.messages import ReviewEvent, StandingNote
from store import audit, pairs, reviews, work

EVENT_WORDS = {
    "opened": "A conflict waits for you",
    "reminded": "Still waiting for you",
    "escalated": "Nobody has answered yet",
    "decided": "Decided",
}


class NotingActivities:
    """Useful, never vital: a pair goes on if one of these fails."""

    def __init__(self, context: Context) -> None:
        self.context = context

    @activity.defn
    async def notify_reviewers(self, event: ReviewEvent) -> bool:
        """Tell the review's queue; an escalation tells whom the declaration names. False if nobody listens.

        Run twice, people may be told twice.
        """
        async with self.context.database.begin() as tx:
            row = await reviews.get(tx, event.token)
            found = await work.load(tx, event.pair.pair_id)
            rules = await self.context.rules.at(tx, found.pair.integration, found.newest_version)
        declared = rules.integration.reviews
        queue = (
            declared.escalate_to if event.event == "escalated" and declared.escalate_to else declared.queue
        )
        if row is None or queue is None:
            return False
        shown = side_values(row.request.values, event.pair, sensitive_fields(rules.integration))
        title = f"{EVENT_WORDS[event.event]}: {row.unit} of {event.pair.both}"
        lines = [event.text, row.request.reason, *(f"{system}: {value}" for system, value in shown.items())]
        if event.event != "decided":
            lines.append(f"accord approve {event.token}   or   accord override {event.token} --side …")
        told = await self.context.notifier.tell(queue, title, "\n".join(line for line in lines if line))
        if event.event in {"reminded", "escalated"}:
            async with self.context.database.begin() as tx:
                await reviews.mark(tx, event.token, event.event, self.context.now())
        return told

    @activity.defn
    async def note_standing(self, note: StandingNote) -> None:
        """Put into the store that the pair is paused, stopped, or waits for a system. Safe to run twice."""
        async with self.context.database.begin() as tx:
            await pairs.set_paused(tx, note.pair.pair_id, paused="paused" in note.states)
            await pairs.set_state(tx, note.pair.pair_id, note.states, note.waits_for, passed=False)
            if note.act:
                await audit.append(tx, note.by, note.act, pair_id=note.pair.pair_id, reason=note.reason)
