import pytest

from store import pairs, parked
from store.database import Tx
from store.pairs import PairRow
from store.stopped import stopped
from tests.store.builders import INTEGRATION, a_pair

pytestmark = pytest.mark.stack


async def test_everything_that_stands_still_is_found_by_cause_or_by_words_of_its_reason(
    tx: Tx, pair: PairRow
) -> None:
    other = await a_pair(tx, "inc2", "iss2")
    await pairs.quarantine(tx, pair.id, "Jira refuses the write: Priority is unknown")
    await parked.park(tx, other.id, "priority", "refused", "priority is unknown")
    await pairs.set_state(tx, other.id, ["unreachable"], "ServiceNow gave no answer")
    found = [(one.pair_id, one.cause, one.unit) for one in await stopped(tx)]
    assert sorted(found, key=str) == sorted(
        [(pair.id, "quarantined", None), (other.id, "refused", "priority"), (other.id, "unreachable", None)],
        key=str,
    )
    assert [one.pair_id for one in await stopped(tx, cause="refused")] == [other.id]
    assert {one.pair_id for one in await stopped(tx, cause="PRIORITY is unknown")} == {pair.id, other.id}
    assert await stopped(tx, integration="changes") == []
    assert len(await stopped(tx, integration=INTEGRATION)) == 3


async def test_a_torn_merge_waits_for_its_review_and_for_no_retry(tx: Tx, pair: PairRow) -> None:
    await parked.park(tx, pair.id, "notes", "torn", "A keeps the merged value")
    assert await stopped(tx) == []


async def test_pairs_whose_link_has_ended_stand_for_nothing(tx: Tx, pair: PairRow) -> None:
    await pairs.quarantine(tx, pair.id, "refused")
    await pairs.unlink(tx, pair.id, "detached", "unlinked")
    assert await stopped(tx) == []
