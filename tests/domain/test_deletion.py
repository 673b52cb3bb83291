from __future__ import annotations

from typing import Any

import pytest

from domain.deletion import DeleteAction, Loss, decide_delete
from domain.outcome import RECORD_UNIT, Decision, LogKind, LogStage, Refusal, Winner
from domain.records import Evidence, Gone
from domain.sides import Pair, Side
from tests.domain.builders import SYSTEMS, a_field, a_snapshot, a_view, an_integration

BASELINES = a_view({}, {}, {"title": ("t", "t")}).baselines
GONE = Gone(ref=a_snapshot(Side.A, {}).ref, evidence=Evidence.EVENT, by="cleaner")
CLOSED = {"b": {"state": "closed"}}


def lost(value: Any, *decisions: Decision, mode: Any = "detach", versus_edit: Any = "ask") -> Any:
    """A's record is gone; B's title is `value`, and was `t` when both stood in step."""
    rules = an_integration(a_field(), on_delete={"mode": mode, "versus_edit": versus_edit, "archive": CLOSED})
    survivor = a_snapshot(Side.B, {"title": value}, {"title": 10})
    return decide_delete(rules, Loss("pair", Pair(GONE, None), survivor, BASELINES, SYSTEMS, decisions))


def said(verdict: Any) -> tuple[Any, ...]:
    line = verdict.log
    return verdict.action, verdict.link_after, line.kind, line.policy, line.winner


@pytest.mark.parametrize(
    ("value", "mode", "versus_edit", "expected"),
    [
        ("t", "detach", "ask", (DeleteAction.DETACH, "detached", LogKind.DELETE, "detach", Winner.B)),
        ("u", "detach", "ask", (DeleteAction.DETACH, "detached", LogKind.DELETE_VS_EDIT, "detach", Winner.B)),
        ("t", "propagate", "ask", (DeleteAction.DELETE_OTHER, "closed", LogKind.DELETE, "propagate", Winner.A)),
        ("t", "archive", "ask", (DeleteAction.ARCHIVE_OTHER, "closed", LogKind.DELETE, "archive", Winner.A)),
        ("u", "propagate", "keep", (DeleteAction.DETACH, "detached", LogKind.DELETE_VS_EDIT, "keep", Winner.B)),
        ("u", "propagate", "delete", (DeleteAction.DELETE_OTHER, "closed", LogKind.DELETE_VS_EDIT, "delete", Winner.A)),
        ("u", "propagate", "ask", (DeleteAction.ASK, "active", LogKind.DELETE_VS_EDIT, "ask", None)),
        ("u", "archive", "ask", (DeleteAction.ASK, "active", LogKind.DELETE_VS_EDIT, "ask", None)),
        ("t", "ask", "keep", (DeleteAction.ASK, "active", LogKind.DELETE, "ask", None)),
        ("t", "recreate", "ask", (DeleteAction.RECREATE, "active", LogKind.DELETE, "recreate", Winner.B)),
    ],
)  # fmt: skip
def test_a_deletion_is_decided_as_declared(value: Any, mode: Any, versus_edit: Any, expected: Any) -> None:
    assert said(lost(value, mode=mode, versus_edit=versus_edit)) == expected


def test_the_lost_edit_is_named_with_its_author() -> None:
    line = lost("u", mode="propagate", versus_edit="delete").log
    assert [(o.side, o.field, o.value, o.by) for o in line.overruled] == [(Side.B, "title", "u", "person b")]
    assert line.reason == "deleted in ServiceNow by cleaner"


def test_archiving_writes_the_declared_closing_fields() -> None:
    assert lost("t", mode="archive").fields == {"state": "closed"}


def test_both_gone_closes_without_a_line() -> None:
    verdict = decide_delete(an_integration(a_field()), Loss("pair", Pair(GONE, GONE), None, BASELINES))
    assert (verdict.action, verdict.link_after, verdict.log) == (DeleteAction.CLOSE, "closed", None)


def test_a_person_decides_what_was_asked() -> None:
    token = lost("u", mode="propagate").review.conflict_id
    follow = lost("u", Decision(token=token, choice="side", side=Side.A, by="ann"), mode="propagate")
    keep = lost("u", Decision(token=token, choice="side", side=Side.B, by="ann"), mode="propagate")
    assert (follow.action, keep.action) == (DeleteAction.DELETE_OTHER, DeleteAction.DETACH)
    assert (follow.log.stage, follow.log.by) == (LogStage.RESOLVED, "ann")
    assert [(o.field, o.value) for o in follow.log.overruled] == [("title", "u")]


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ({"token": "old", "choice": "side", "side": "a"}, Refusal.STALE),
        ({"choice": "approve"}, Refusal.NO_PROPOSAL),
        ({"choice": "value", "value": 1, "side": "a"}, Refusal.INVALID),
        ({"choice": "side"}, Refusal.MALFORMED),
        ({}, Refusal.MALFORMED),
    ],
)
def test_an_answer_that_does_not_fit_is_refused_and_the_question_stays(words: Any, expected: Refusal) -> None:
    token = lost("u", mode="propagate").review.conflict_id
    verdict = lost("u", Decision.model_validate({"token": token, **words}), mode="propagate")
    assert verdict.decisions[0].refusal is expected
    assert (verdict.action, verdict.review.unit) == (DeleteAction.ASK, RECORD_UNIT)


def test_another_edit_is_another_question() -> None:
    assert lost("u", mode="ask").review.conflict_id != lost("v", mode="ask").review.conflict_id


def test_only_one_answer_counts() -> None:
    token = lost("u", mode="ask").review.conflict_id
    both = [Decision(token=token, choice="side", side=side, by="ann") for side in (Side.A, Side.B)]
    verdict = lost("u", *both, mode="ask")
    assert [one.refusal for one in verdict.decisions] == [None, Refusal.DOUBLE]
    assert verdict.action is DeleteAction.DELETE_OTHER
