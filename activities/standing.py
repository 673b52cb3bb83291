"""Where a pair stands, in states to filter by and one sentence to read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from activities.display import proposal_shown, sensitive_fields, side_values
from activities.messages import OpenReview, PairRef, Standing
from activities.rulebook import Rules
from domain.integration import Integration
from domain.outcome import UnitState, Verdict
from store.reviews import ReviewRow


def standing_of(pair: PairRef, rules: Rules, verdict: Verdict, reviews: Sequence[ReviewRow]) -> Standing:
    """After a pass decided: which units wait, and for what."""
    waiting = {u.unit: u.reason for u in verdict.units if u.state is UnitState.HELD}
    parked = {u.unit: u.reason for u in verdict.units if u.state is UnitState.PARKED}
    return make_standing(pair, rules, reviews, held=waiting, parked=parked, quarantine=verdict.stop_pair)


def make_standing(
    pair: PairRef,
    rules: Rules,
    reviews: Sequence[ReviewRow],
    *,
    held: Mapping[str, str],
    parked: Mapping[str, str],
    quarantine: str | None = None,
) -> Standing:
    """Compose the standing from its parts; nothing that waits means in step."""
    states = [
        *(["quarantined"] if quarantine else []),
        *(["pending_review"] if reviews else []),
        *(["held"] if held else []),
        *(["parked", "partial"] if parked else []),
    ]
    fields = dict.fromkeys([*(row.unit for row in reviews), *held, *parked])
    declared = rules.integration
    return Standing(
        states=tuple(states) or ("in_sync",),
        waits_for=_sentence(reviews, held, parked, quarantine),
        reviews=tuple(open_review(row, declared, pair) for row in reviews),
        fields=tuple(fields),
        systems=pair.systems,
        keys=pair.keys,
        version=rules.version,
        settle=declared.settle,
        notify=declared.reviews.queue is not None,
    )


def _sentence(
    reviews: Sequence[ReviewRow], held: Mapping[str, str], parked: Mapping[str, str], quarantine: str | None
) -> str:
    if quarantine:
        return f"help: {quarantine}"
    parts = [f"a decision on {', '.join(row.unit for row in reviews)}"] if reviews else []
    parts += [f"a counterpart for {unit} ({why})" for unit, why in held.items()]
    parts += [f"{unit} is parked: {why}" for unit, why in parked.items()]
    return "; ".join(parts)[:500]


def open_review(row: ReviewRow, declared: Integration, pair: PairRef) -> OpenReview:
    """A review with its absolute deadlines, counted from the unit's first opening."""
    hidden, rules = sensitive_fields(declared), declared.reviews
    return OpenReview(
        unit=row.unit,
        token=row.token,
        opened_at=row.opened_at,
        asked_by=row.request.asked_by,
        proposal=proposal_shown(row.request, pair, hidden),
        values=side_values(row.request.values, pair, hidden),
        remind_at=_after(row.opened_at, rules.remind_after),
        escalate_at=_after(row.opened_at, rules.escalate_after),
        fallback_at=_after(row.opened_at, rules.fallback_after) if rules.fallback else None,
    )


def _after(start: datetime, span: timedelta | None) -> datetime | None:
    return None if span is None else start + span


def with_parked(
    states: Sequence[str], waits_for: str, parked: Mapping[str, str]
) -> tuple[tuple[str, ...], str]:
    """States and sentence of a pair of which these units were just parked."""
    kept = [state for state in states if state != "in_sync"]
    sentence = "; ".join(
        [*([waits_for] if waits_for else []), *(f"{u} is parked: {why}" for u, why in parked.items())]
    )
    return tuple(dict.fromkeys([*kept, "parked", "partial"])), sentence[:500]


def parked_too(standing: Standing, parked: Mapping[str, str]) -> Standing:
    """The same standing after apply had to park these units."""
    states, waits_for = with_parked(standing.states, standing.waits_for, parked)
    fields = tuple(dict.fromkeys([*standing.fields, *parked]))
    return standing.model_copy(update={"states": states, "waits_for": waits_for, "fields": fields})
