import pytest

from domain.outcome import Decision, DecisionVerdict, Refusal
from store import decisions
from store.database import Tx
from store.pairs import PairRow

pytestmark = pytest.mark.stack

APPROVAL = Decision(token="c1", choice="approve", by="rita")


def verdict(*, accepted: bool, message: str = "") -> DecisionVerdict:
    refusal = None if accepted else Refusal.STALE
    return DecisionVerdict(
        token="c1", unit="priority", accepted=accepted, refusal=refusal, message=message, by="rita"
    )


async def test_a_decision_that_nobody_judged_has_no_verdict(tx: Tx) -> None:
    assert await decisions.verdict_of(tx, "c1") is None


async def test_a_refusal_is_on_record(tx: Tx, pair: PairRow) -> None:
    await decisions.record(tx, pair.id, APPROVAL, verdict(accepted=False, message="it moved on"))
    found = await decisions.verdict_of(tx, "c1")
    assert found is not None
    assert (found.decision, found.verdict) == (APPROVAL, verdict(accepted=False, message="it moved on"))


async def test_who_decides_twice_can_wait_for_the_second_verdict(tx: Tx, pair: PairRow) -> None:
    first = await decisions.record(tx, pair.id, APPROVAL, verdict(accepted=False))
    assert await decisions.verdict_of(tx, "c1", after=first) is None
    await decisions.record(tx, pair.id, APPROVAL, verdict(accepted=True))
    found = await decisions.verdict_of(tx, "c1", after=first)
    assert found is not None
    assert found.verdict.accepted
