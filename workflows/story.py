"""What the Temporal UI shows of a pair: search attributes to find it by, and its details as a page of Markdown."""

from __future__ import annotations

import json
from typing import Any

from temporalio.common import (
    SearchAttributeKey,
    SearchAttributePair,
    SearchAttributeUpdate,
    TypedSearchAttributes,
)

from activities.messages import OpenReview, PairRef, Standing
from workflows.state import PairState

INTEGRATION = SearchAttributeKey.for_keyword("AccordIntegration")
STATE = SearchAttributeKey.for_keyword_list("AccordState")
RECORDS = SearchAttributeKey.for_keyword_list("AccordRecords")
SYSTEMS = SearchAttributeKey.for_text("AccordSystems")
"""Text, names separated by blanks: the server allows three keyword lists, and those are taken."""
FIELDS = SearchAttributeKey.for_keyword_list("AccordFields")


def first_attributes(pair: PairRef) -> TypedSearchAttributes:
    """What a pair is found by from its first moment."""
    return TypedSearchAttributes(
        [
            SearchAttributePair(INTEGRATION, pair.integration),
            SearchAttributePair(RECORDS, [k for k in pair.keys if k]),
            SearchAttributePair(SYSTEMS, " ".join(pair.systems).strip()),
        ]
    )


def changed_attributes(before: Standing, now: Standing) -> list[SearchAttributeUpdate[Any]]:
    """Updates for what really changed: each upsert is an event and a visibility write."""
    updates: list[SearchAttributeUpdate[Any]] = []
    if now.states != before.states:
        updates.append(STATE.value_set(list(now.states)))
    if now.fields != before.fields:
        updates.append(FIELDS.value_set(list(now.fields)) if now.fields else FIELDS.value_unset())
    if now.keys != before.keys and any(now.keys):
        updates.append(RECORDS.value_set(list(now.keys)))
    return updates


def details(state: PairState) -> str:
    """One page: what this pair waits for, and how to answer its reviews from here."""
    pair, standing = state.pair, state.standing
    lines = [f"## {pair.both}", "", _headline(state), ""]
    for review in standing.reviews:
        lines += _review(review)
    lines.append(
        f"Integration `{pair.integration}` (declaration version {standing.version}) · pair `{pair.pair_id}` · "
        f"{state.passes} passes, {state.writes} writes, run {state.runs}"
    )
    return "\n".join(lines)


def _headline(state: PairState) -> str:
    if state.paused_by:
        return f"**Paused** by {state.paused_by}."
    if state.stopped:
        return f"**Stopped**: {state.stopped}\n\nMend the cause, then send the signal `retry`."
    if state.standing.waits_for:
        return f"**Waits**: {state.standing.waits_for}"
    return "**In step.** Waits for the next change."


def _review(review: OpenReview) -> list[str]:
    sides = [f"| {system} | `{value}` |" for system, value in review.values.items()]
    approve = json.dumps({"token": review.token, "by": "your name"})
    override = json.dumps({"token": review.token, "side": next(iter(review.values), ""), "by": "your name"})
    return [
        f"### Review: {review.unit}",
        "",
        f"Asked by {review.asked_by or 'policy'}, open since {review.opened_at:%Y-%m-%d %H:%M} UTC.",
        "",
        "| system | value |",
        "| --- | --- |",
        *sides,
        "",
        f"Proposal: {review.proposal or 'none: choose a side'}.",
        "",
        f"- signal `approve` with `{approve}`",
        f"- signal `override` with `{override}`",
        "",
    ]
