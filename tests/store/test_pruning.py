from datetime import UTC, datetime, timedelta

import pytest

from domain.sides import Pair, Side
from store import conflicts, deliveries, ledger, plans, pruning, snapshots, work
from store.database import Tx
from store.ledger import Written
from store.pairs import PairRow
from tests.store.builders import INTEGRATION, a_line, an_open_plan, both

pytestmark = pytest.mark.stack


def later() -> datetime:
    """A moment to which all that the test writes is old."""
    return datetime.now(UTC) + timedelta(days=1)


async def test_young_rows_are_kept(tx: Tx, pair: PairRow) -> None:
    plan = await an_open_plan(tx, pair.id)
    await plans.close(tx, plan.id, "done")
    pruned = await pruning.prune(tx, datetime.now(UTC) - timedelta(days=1))
    assert pruned == pruning.Pruned([], snapshots=0, plans=0, deliveries=0, writes=0)


async def test_what_the_next_pass_needs_is_kept_whatever_its_age(tx: Tx, pair: PairRow) -> None:
    plan = await an_open_plan(tx, pair.id)
    newest = await snapshots.save(tx, pair.id, both("2", priority="3"))
    kept = await deliveries.keep(tx, "jira", "d1", [])
    pruned = await pruning.prune(tx, later())
    assert (pruned.snapshots, pruned.plans, pruned.deliveries) == (0, 0, 0)
    found = await work.load(tx, pair.id)
    assert found.plan == plan
    assert found.last.map(lambda row: row and row.id) == newest
    assert await deliveries.keep(tx, "jira", "d1", []) == kept


async def test_what_is_old_and_done_with_is_forgotten(tx: Tx, pair: PairRow) -> None:
    plan = await an_open_plan(tx, pair.id)
    await plans.close(tx, plan.id, "done")
    await snapshots.save(tx, pair.id, both("2", priority="3"))
    await deliveries.mark_signalled(tx, [await deliveries.keep(tx, "jira", "d1", []) or 0])
    ref = pair.ends.a.ref
    await ledger.record(tx, pair.id, Written(Side.A, ref, "7", {}, exact=True))
    pruned = await pruning.prune(tx, later())
    assert (pruned.snapshots, pruned.plans, pruned.deliveries, pruned.writes) == (2, 1, 1, 1)
    with pytest.raises(KeyError):
        await snapshots.get(tx, plan.snapshots)


async def test_months_go_whole_and_new_ones_are_made_ahead(tx: Tx, pair: PairRow) -> None:
    await snapshots.save(tx, pair.id, both(priority="2"))
    pruned = await pruning.prune(tx, datetime.now(UTC) + timedelta(days=40))
    assert len(pruned.months) in {1, 2}
    assert await snapshots.field_history(tx, pair.id, Pair(["priority"], [])) == []
    await snapshots.save(tx, pair.id, both("2", priority="3"))
    assert len(await snapshots.field_history(tx, pair.id, Pair(["priority"], []))) == 1


async def test_the_conflict_log_is_never_pruned(tx: Tx, pair: PairRow) -> None:
    await conflicts.append(tx, pair.id, INTEGRATION, 1, [a_line()])
    await pruning.prune(tx, later())
    assert len(await conflicts.of_pair(tx, pair.id)) == 1
