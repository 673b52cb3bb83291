"""What a proved deletion leads to: semantics §6. Proof is `vanishing`'s business; this module never doubts it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Literal

from pydantic import JsonValue

from domain.integration import FieldMap, Integration
from domain.mapping import is_same
from domain.normalise import key
from domain.outcome import (
    RECORD_UNIT,
    AlertRequest,
    Decision,
    DecisionVerdict,
    LogKind,
    LogLine,
    LogStage,
    Overruled,
    Refusal,
    ReviewRequest,
    SideValue,
    Winner,
)
from domain.records import Gone, Snapshot
from domain.sides import SIDES, Pair, Side
from domain.values import MISSING, digest, same
from domain.view import Baseline


class DeleteAction(StrEnum):
    CLOSE = "close"  # both are gone: nothing is left to do
    DETACH = "detach"  # the other record stays, the link ends
    DELETE_OTHER = "delete_other"
    ARCHIVE_OTHER = "archive_other"  # the other record gets `DeleteVerdict.fields`
    RECREATE = "recreate"  # only where the declaration says so
    ASK = "ask"


LinkAfter = Literal["active", "detached", "closed"]


@dataclass(frozen=True, slots=True)
class Loss:
    """A pair of which at least one record is gone."""

    pair_id: str
    gone: Pair[Gone | None]
    survivor: Snapshot | None
    """The other record as it stands now; None if both are gone."""
    baselines: Mapping[str, Baseline]
    systems: Pair[str] = field(default_factory=lambda: Pair("A", "B"))
    decisions: tuple[Decision, ...] = ()
    """What people said about this deletion, in the order it came."""

    @property
    def lost(self) -> Side:
        """The side that is gone (A if both are)."""
        return Side.A if self.gone.a else Side.B


@dataclass(frozen=True, slots=True)
class DeleteVerdict:
    """What to do about the other record and the link. With `link_after` active the review waits."""

    action: DeleteAction
    link_after: LinkAfter
    log: LogLine | None = None
    review: ReviewRequest | None = None
    target: Side | None = None
    """The side of the surviving record."""
    fields: Mapping[str, JsonValue] = field(default_factory=dict)
    """With `archive_other`: native fields to write."""
    decisions: tuple[DecisionVerdict, ...] = ()
    alerts: tuple[AlertRequest, ...] = ()


@dataclass(frozen=True, slots=True)
class _Case:
    """A loss with what the survivor's people did since."""

    rules: Integration
    loss: Loss
    survivor: Snapshot
    edits: tuple[SideValue, ...]

    @property
    def kind(self) -> LogKind:
        return LogKind.DELETE_VS_EDIT if self.edits else LogKind.DELETE

    @property
    def conflict_id(self) -> str:
        """Another edit of the survivor, a baseline that moved, or another record gone is another question."""
        fields = {one.name: one for one in self.rules.fields}
        side = self.loss.lost.other
        marks = [
            [edit.field, self.loss.baselines[edit.field].revision, key(fields[edit.field], side, edit.value)]
            for edit in self.edits
        ]
        gone = self.loss.gone[self.loss.lost]
        return digest("delete", self.loss.pair_id, self.loss.lost.value, gone and gone.ref.id, marks)


def decide_delete(rules: Integration, loss: Loss) -> DeleteVerdict:
    """Decide what a deletion does to the other record and to the link.

    Withdrawing open reviews of the pair's fields is the caller's part of it: the record that they asked about is gone.
    """
    if loss.survivor is None or all(loss.gone):
        return DeleteVerdict(DeleteAction.CLOSE, "closed")
    case = _Case(rules, loss, loss.survivor, edits_since(rules, loss, loss.survivor))
    verdict = _by_mode(case)
    return _heard(case, verdict) if loss.decisions else verdict


def edits_since(rules: Integration, loss: Loss, survivor: Snapshot) -> tuple[SideValue, ...]:
    """The survivor's fields that moved away from their half of the baseline: what a delete would lose.

    A field that shows what archiving would write is none: an attempt that died may have written it.
    """
    side = loss.lost.other
    closing = rules.on_delete.archive.get(side, {}) if rules.on_delete.mode == "archive" else {}
    fields = (f for f in rules.fields if not _is_closed(survivor, f.native(side), closing))
    return tuple(_edit(f, side, survivor) for f in fields if _moved(f, side, survivor, loss.baselines))


def archived(loss: Loss) -> DeleteVerdict:
    """What is left where an earlier attempt has closed the survivor: the link ends, by the line that it logged."""
    return DeleteVerdict(DeleteAction.ARCHIVE_OTHER, "closed", target=loss.lost.other)


def is_archived(survivor: Snapshot, closing: Mapping[str, JsonValue]) -> bool:
    """Whether the record shows every closing value."""
    return all(_is_closed(survivor, native, closing) for native in closing)


def _is_closed(survivor: Snapshot, native: str, closing: Mapping[str, JsonValue]) -> bool:
    return native in closing and same(survivor.value(native), closing[native])


def _moved(field_map: FieldMap, side: Side, survivor: Snapshot, baselines: Mapping[str, Baseline]) -> bool:
    shown, base = survivor.value(field_map.native(side)), baselines.get(field_map.name)
    return base is not None and shown is not MISSING and not is_same(field_map, side, shown, base.half(side))


def _edit(field_map: FieldMap, side: Side, survivor: Snapshot) -> SideValue:
    native = field_map.native(side)
    change = survivor.changes.get(native)
    by, at = (change.by, change.at) if change else (survivor.modified_by, survivor.modified_at)
    return SideValue(side=side, field=field_map.name, value=survivor.fields[native], by=by, at=at)


def _by_mode(case: _Case) -> DeleteVerdict:
    rule = case.rules.on_delete
    match rule.mode:
        case "detach":
            return _detach(case, "detach")
        case "recreate":
            return _recreate(case)
        case "ask":
            return _ask(case)
        case "propagate" | "archive":
            return _follow(case, rule.mode) if not case.edits else _against_edit(case)


def _against_edit(case: _Case) -> DeleteVerdict:
    match case.rules.on_delete.versus_edit:
        case "ask":
            return _ask(case)
        case "keep":
            return _detach(case, "keep")
        case "delete":
            return _follow(case, "delete")


def _detach(case: _Case, policy: str, **said: str | None) -> DeleteVerdict:
    survivor = case.loss.lost.other
    line = _line(case, policy, winner=survivor, **said)
    return DeleteVerdict(DeleteAction.DETACH, "detached", line, target=survivor)


def _follow(case: _Case, policy: str, **said: str | None) -> DeleteVerdict:
    """The other record goes the same way: deleted, or closed where the declaration archives."""
    lost = case.loss.lost
    line = _line(case, policy, winner=lost, **said)
    if case.rules.on_delete.mode != "archive":
        return DeleteVerdict(DeleteAction.DELETE_OTHER, "closed", line, target=lost.other)
    fields = case.rules.on_delete.archive.get(lost.other, {})
    return DeleteVerdict(DeleteAction.ARCHIVE_OTHER, "closed", line, target=lost.other, fields=fields)


def _recreate(case: _Case) -> DeleteVerdict:
    """The pair lives on with a new record in the lost one's place."""
    survivor = case.loss.lost.other
    line = _line(case, "recreate", winner=survivor)
    return DeleteVerdict(DeleteAction.RECREATE, "active", line, target=survivor)


def _ask(case: _Case) -> DeleteVerdict:
    lost, names = case.loss.lost, case.loss.systems
    edited = f" and edited in {names[lost.other]}" if case.edits else ""
    reason = f"deleted in {names[lost]}{edited}"
    review = ReviewRequest(
        unit=RECORD_UNIT,
        conflict_id=case.conflict_id,
        kind=case.kind,
        asked_by="on_delete: ask",
        reason=reason,
        base=_base(case),
        values=case.edits,
    )
    line = _line(case, "ask", winner=None, reason=reason)
    return DeleteVerdict(DeleteAction.ASK, "active", line, review, target=lost.other)


def _line(case: _Case, policy: str, winner: Side | None, **said: str | None) -> LogLine:
    lost, names = case.loss.lost, case.loss.systems
    rule = said.pop("rule", None) or f"on_delete: {policy}"
    by = case.loss.gone[lost]
    who = f" by {by.by}" if by and by.by else ""
    reason = said.pop("reason", None) or f"deleted in {names[lost]}{who}"
    stage = LogStage.OPENED if winner is None else LogStage.RESOLVED if said.get("by") else LogStage.DECIDED
    return LogLine(
        conflict_id=case.conflict_id,
        unit=RECORD_UNIT,
        kind=case.kind,
        stage=stage,
        policy=policy,
        rule=rule if winner else "",
        winner=Winner.side(winner) if winner else None,
        reason=reason,
        base=_base(case),
        values=case.edits,
        overruled=tuple(_lost_edit(edit, rule, reason) for edit in case.edits) if winner is lost else (),
        by=said.get("by"),
        note=said.get("note"),
    )


def _lost_edit(edit: SideValue, rule: str, reason: str) -> Overruled:
    return Overruled(**edit.model_dump(), rule=rule, why=reason)


def _base(case: _Case) -> dict[str, tuple[JsonValue, JsonValue]]:
    baselines = case.loss.baselines
    return {e.field: (baselines[e.field].a, baselines[e.field].b) for e in case.edits}


def _heard(case: _Case, verdict: DeleteVerdict) -> DeleteVerdict:
    """Let the first decision count that answers this very question; say why each other one doesn't."""
    heard: list[DecisionVerdict] = []
    result = verdict
    for decision in case.loss.decisions:
        refusal = _refusal(case, decision, result)
        heard.append(_spoken(decision, refusal))
        if refusal is None:
            result = _by_person(case, decision)
    alerts = tuple(
        AlertRequest(kind=one.refusal.value, unit=RECORD_UNIT, message=one.message)
        for one in heard
        if one.refusal in {Refusal.STALE, Refusal.INVALID}
    )
    return DeleteVerdict(
        result.action,
        result.link_after,
        result.log,
        result.review,
        result.target,
        result.fields,
        tuple(heard),
        alerts,
    )


def _refusal(case: _Case, decision: Decision, result: DeleteVerdict) -> Refusal | None:
    if decision.token != case.conflict_id:
        return Refusal.STALE
    if result.action is not DeleteAction.ASK:
        return Refusal.DOUBLE
    if decision.choice == "approve":
        return Refusal.NO_PROPOSAL
    if decision.choice == "value":
        return Refusal.INVALID
    return None if decision.choice == "side" and decision.side in SIDES else Refusal.MALFORMED


MESSAGES = {
    None: "accepted",
    Refusal.STALE: "the records have moved on since; look again",
    Refusal.DOUBLE: "this deletion is decided already",
    Refusal.NO_PROPOSAL: "there is no proposal: choose a side",
    Refusal.INVALID: "a deletion has no value: choose a side",
    Refusal.MALFORMED: "say whose side stands: the deleted one or the other",
}


def _spoken(decision: Decision, refusal: Refusal | None) -> DecisionVerdict:
    return DecisionVerdict(
        token=decision.token,
        unit=RECORD_UNIT,
        accepted=refusal is None,
        refusal=refusal,
        message=MESSAGES[refusal],
        by=decision.by,
    )


def _by_person(case: _Case, decision: Decision) -> DeleteVerdict:
    """The lost side's choice deletes (or archives) the other; the survivor's keeps it and ends the link."""
    said = {"rule": "review: a side", "by": decision.by or "somebody", "note": decision.note}
    follow = decision.side is case.loss.lost
    return _follow(case, "ask", **said) if follow else _detach(case, "ask", **said)
