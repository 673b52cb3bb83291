import pytest

from store import audit
from store.database import Tx
from store.pairs import PairRow

pytestmark = pytest.mark.stack


async def test_acts_on_a_pair_are_told_in_order(tx: Tx, pair: PairRow) -> None:
    await audit.append(tx, "ines", "pause", pair_id=pair.id, reason="maintenance")
    await audit.append(tx, "ines", "apply", integration="incidents")
    await audit.append(tx, "tom", "resume", pair_id=pair.id)
    told = [(act.who, act.what, act.detail) for act in await audit.of_pair(tx, pair.id)]
    assert told == [("ines", "pause", {"reason": "maintenance"}), ("tom", "resume", {})]


async def test_the_newest_acts_are_kept_when_there_are_too_many(tx: Tx, pair: PairRow) -> None:
    for n in range(4):
        await audit.append(tx, "ines", f"act {n}", pair_id=pair.id)
    assert [act.what for act in await audit.of_pair(tx, pair.id, limit=2)] == ["act 2", "act 3"]
