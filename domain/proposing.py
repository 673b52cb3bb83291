"""What is proposed for a group of twins: link, close, close by hand, or keep, each with its reason.

Only what can't be wrong about which record counts is proposed; the rest is kept for a person. Nothing is deleted.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from pydantic import Field, JsonValue

from domain.duplicates import (
    KEPT,
    Group,
    Twin,
    is_closed,
    is_together,
    is_younger,
    own_values,
)
from domain.integration import Integration
from domain.records import Model, RecordRef
from domain.sides import SIDES, Pair, Side

MANY = 20
"""Records under one value of a key: it doesn't tell records apart."""


class Proposal(Model):
    """What is to become of one record, or of a group as a whole."""

    action: Literal["keep", "link", "close", "close_by_hand"]
    """keep: leave it; a person may know more. Only link and close are carried out."""
    reason: str
    record: RecordRef | None = None
    """Link: of the first side. Close: the one that is closed."""
    other: RecordRef | None = None
    """Link: of the second side. Close: the one that stays."""
    side: Side | None = None
    """Where a record that is closed stands."""
    keys: tuple[str, ...] = ()
    """What people call the two."""
    version: str = ""
    """Of a record that is closed."""
    closing: dict[str, JsonValue] = Field(default_factory=dict)
    """The native fields that close it."""
    own: tuple[str, ...] = ()
    """Fields in which a record that is closed holds what the one that stays doesn't hold."""
    steps: tuple[str, ...] = ()
    """What a person does, where it isn't carried out."""

    @property
    def is_work(self) -> bool:
        return self.action in ("link", "close")

    def is_same(self, other: Proposal) -> bool:
        """Whether it would do the same; the words may differ."""
        return self.model_copy(update={"reason": "", "steps": ()}) == other.model_copy(
            update={"reason": "", "steps": ()}
        )


def propose(rules: Integration, group: Group) -> tuple[Proposal, ...]:
    """Say what becomes of a group; nothing, where people have said all that there is to say."""
    if group.is_crossed:
        return (_crossed(rules, group),)
    free = Pair.of(lambda side: _free(rules, group, side))
    if not (free.a or free.b):
        return _all_said(group)
    if doubt := _doubt(rules, group):
        return (_keep(rules, doubt, [*free.a, *free.b]),)
    if free.a and free.b:
        return _both_sides(rules, group, free)
    return _one_side(rules, group, free.a or free.b)


def _free(rules: Integration, group: Group, side: Side) -> list[Twin]:
    """Open records without a pair, of which nobody has said anything."""
    return [
        one
        for one in group.twins
        if one.side is side and one.pair_id is None and one.said is None and not is_closed(rules, one)
    ]


def _all_said(group: Group) -> tuple[Proposal, ...]:
    several = [side for side in SIDES if len(group.linked(side)) > 1]
    if not several:
        return ()
    names = " and ".join(f"{one.record.key} ({one.partner})" for one in group.linked(several[0]))
    return (Proposal(action="keep", reason=f"each has a pair of its own: {names}"),)


def _doubt(rules: Integration, group: Group) -> str:
    """Why nothing can be said about this group by machine."""
    if group.size > MANY or len(group.twins) > 2 * MANY:
        return f"{group.size} records are the same by {group.by or 'several keys'}: it doesn't tell records apart"
    if len({one.record.ref for one in group.twins}) < len(group.twins):
        return "one record stands on both sides"
    if not group.by or not is_together(rules, group):
        return "no single key says that all of them are the same"
    return ""


# ------------------------------------------------------------------------------------------------------- both sides
def _both_sides(rules: Integration, group: Group, free: Pair[list[Twin]]) -> tuple[Proposal, ...]:
    everyone = [*free.a, *free.b]
    if len(free.a) == len(free.b) == 1:
        return (_link(rules, free.map(lambda ones: ones[0])),)
    if any(group.linked(side) for side in SIDES):
        return (_keep(rules, "several have no pair on either side, beside pairs that stand", everyone),)
    kept = free.map(_oldest)
    spare = [_close(rules, one, kept[one.side]) for one in everyone if one is not kept[one.side]]
    a, b = kept
    if a is None or b is None or any(one.own or one.action != "close" for one in spare):
        return (_keep(rules, "none has a pair, and nothing says which of them count", everyone),)
    return (*spare, _link(rules, Pair(a, b)))


def _oldest(twins: list[Twin]) -> Twin | None:
    """The one that surely was there first."""
    return next(
        (one for one in twins if all(is_younger(other, one) for other in twins if other is not one)), None
    )


def _link(rules: Integration, ends: Pair[Twin]) -> Proposal:
    doubt = next((why for side in SIDES if (why := _bound(ends[side], ends[side.other]))), "")
    if doubt:
        return _keep(rules, doubt, list(ends))
    a, b = ends
    return Proposal(
        action="link",
        reason=f"{b.record.key} is the only one without a pair that {a.record.key} can belong to",
        record=a.record.ref,
        other=b.record.ref,
        keys=(a.record.key, b.record.key),
    )


def _bound(one: Twin, other: Twin) -> str:
    """Why these two aren't linked by machine."""
    if other.record.ref in one.former:
        return f"the link of {one.record.key} and {other.record.key} was ended by somebody"
    if one.made_for not in (None, other.record.ref):
        return f"the marker of {one.record.key} says that it was made for another record ({one.made_for})"
    return _busy(one) if one.is_source else ""


# --------------------------------------------------------------------------------------------------------- one side
def _one_side(rules: Integration, group: Group, free: list[Twin]) -> tuple[Proposal, ...]:
    linked = group.linked(free[0].side)
    if len(linked) > 1:
        return (_keep(rules, "several have a pair: whose twin the others are can't be told", free),)
    if linked:
        return tuple(_close(rules, one, linked[0]) for one in free)
    kept = _oldest(free)
    if kept is None or len(free) == 1:
        return (_keep(rules, "none has a pair, and nothing says which of them counts", free),)
    spare = [_close(rules, one, kept) for one in free if one is not kept]
    if any(one.own for one in spare):
        return (_keep(rules, "none has a pair, and each holds values of its own", free),)
    return tuple(spare)


def _close(rules: Integration, twin: Twin, kept: Twin | None) -> Proposal:
    if kept is None:
        return _keep(rules, "which one stays can't be told", [twin])
    own = own_values(rules, twin, kept)
    if doubt := _not_closed(rules, twin, kept, own):
        return _keep(rules, doubt, [twin])
    closing = {
        native: value.replace(KEPT, kept.record.key) if isinstance(value, str) else value
        for native, value in rules.duplicates.close.get(twin.side, {}).items()
    }
    age = "younger than" if is_younger(twin, kept) else "the same as"
    stays = f"which has a pair ({kept.partner})" if kept.pair_id else "which stays"
    return Proposal(
        action="close" if closing else "close_by_hand",
        reason=f"{twin.record.key} has no pair and is {age} {kept.record.key}, {stays}",
        record=twin.record.ref,
        other=kept.record.ref,
        side=twin.side,
        keys=(twin.record.key, kept.record.key),
        version=twin.record.version,
        closing=closing,
        own=own,
        steps=() if closing else _by_hand(rules, twin, kept),
    )


def _not_closed(rules: Integration, twin: Twin, kept: Twin, own: Sequence[str]) -> str:
    """Why a twin isn't closed by machine; empty if it may be."""
    key = twin.record.key
    if twin.elsewhere:
        return f"{key} has a pair in {', '.join(twin.elsewhere)}"
    if twin.is_source:
        return _busy(twin)
    if twin.made_for not in (None, kept.made_for):
        return f"{key} carries the marker of a record that we made (for {twin.made_for})"
    if is_closed(rules, kept):
        return f"{kept.record.key} is closed, and {key} isn't: people may work on {key}"
    if own and not is_younger(twin, kept):
        return f"{key} isn't known to be younger than {kept.record.key}, and holds its own {', '.join(own)}"
    return ""


def _busy(twin: Twin) -> str:
    return f"a counterpart of {twin.record.key} was made, or is being made"


# ---------------------------------------------------------------------------------------------------- for a person
def _keep(rules: Integration, reason: str, free: Sequence[Twin]) -> Proposal:
    one = free[0].record if len(free) == 1 else None
    return Proposal(
        action="keep",
        reason=reason,
        record=one.ref if one else None,
        keys=(one.key,) if one else (),
        steps=tuple(f"accord candidates {t.record.key} --ignore -i {rules.name}" for t in free[:MANY]),
    )


def _by_hand(rules: Integration, twin: Twin, kept: Twin) -> tuple[str, ...]:
    ref = twin.record.ref
    return (
        f"close {twin.record.key} in {ref.connection} as a duplicate of {kept.record.key}",
        f"accord candidates {twin.record.key} --ignore -i {rules.name}",
        f"or declare `duplicates: {{close: {{{twin.side.value}: {{FIELD: VALUE}}}}}}` and Accord does it",
    )


def _crossed(rules: Integration, group: Group) -> Proposal:
    pairs = {one.pair_id: one for one in group.twins if one.side is Side.A and one.pair_id is not None}
    names = " and ".join(f"{one.record.key}–{one.partner}" for one in pairs.values())
    return Proposal(
        action="keep",
        reason=f"the links {names} cross, by {group.by or 'what their records say'}: what each holds is mixed already, "
        "so a person says which values stand",
        steps=(
            *(f"accord unlink {pair_id}" for pair_id in pairs),
            f"accord link {rules.name} A B for each, as they belong together",
        ),
    )
