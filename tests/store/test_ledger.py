import pytest

from domain.records import RecordRef
from domain.sides import Side
from store import ledger, plans
from store.database import Tx
from store.ledger import Written
from store.pairs import PairRow
from tests.store.builders import a_pair, a_ref, an_open_plan

pytestmark = pytest.mark.stack


async def write(tx: Tx, pair: PairRow, version: str, *, exact: bool = True) -> None:
    ref = pair.ends[Side.A].ref
    await ledger.record(tx, pair.id, Written(Side.A, ref, version, {"priority": "1"}, exact))


async def own(tx: Tx, ref: RecordRef, version: str) -> frozenset[str]:
    return (await ledger.echoes(tx, ref, version)).own


async def test_an_echo_is_dropped_only_for_the_pair_that_wrote_it(tx: Tx, pair: PairRow) -> None:
    other = await a_pair(tx, integration="pages")
    await write(tx, pair, "7")
    assert other.ends.a == pair.ends.a
    assert await own(tx, a_ref("inc1"), "7") == {pair.id}


async def test_another_version_record_or_connection_is_no_echo(tx: Tx, pair: PairRow) -> None:
    await write(tx, pair, "7")
    assert await own(tx, a_ref("inc1"), "8") == set()
    assert await own(tx, a_ref("inc2"), "7") == set()
    assert await own(tx, a_ref("inc1", "jira"), "7") == set()


async def test_a_token_that_may_repeat_proves_nothing(tx: Tx, pair: PairRow) -> None:
    await write(tx, pair, "7", exact=False)
    assert await own(tx, a_ref("inc1"), "7") == set()


async def test_a_version_of_a_record_that_is_just_being_written_is_undecided_until_the_step_ends(
    tx: Tx, pair: PairRow
) -> None:
    step = (await an_open_plan(tx, pair.id)).steps[0]
    assert await undecided(tx, pair, Side.B) == set(), "nobody has sent it yet"
    await plans.claim(tx, step.id, "attempt 1")
    assert await undecided(tx, pair, Side.B) == {pair.id}
    assert await undecided(tx, pair, Side.A) == set()
    await plans.finish_step(tx, step.id, "attempt 1", None, "done")
    assert await undecided(tx, pair, Side.B) == set()


async def undecided(tx: Tx, pair: PairRow, side: Side) -> frozenset[str]:
    return (await ledger.echoes(tx, pair.ends[side].ref, "8")).undecided
