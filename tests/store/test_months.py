from datetime import UTC, datetime

import pytest
from sqlalchemy import text

from store import months, snapshots
from store.database import Tx
from store.pairs import PairRow
from tests.store.builders import both

pytestmark = pytest.mark.stack

HOLDER = text("SELECT DISTINCT tableoid::regclass::text FROM field_versions")


async def made(tx: Tx) -> list[str]:
    return sorted(name for name in await tx.scalars(months.MONTHS) if "unplanned" not in name)


async def test_this_month_and_the_next_ones_are_made_ahead(tx: Tx) -> None:
    assert len(await made(tx)) == months.MONTHS_AHEAD + 1
    await months.open_ahead(tx, months.MONTHS_AHEAD + 2)
    assert len(await made(tx)) == months.MONTHS_AHEAD + 3


async def test_what_came_before_its_month_was_made_moves_into_it(tx: Tx, pair: PairRow) -> None:
    this_month = (await made(tx))[0]
    await tx.execute(text(f"DROP TABLE {this_month}"))
    await snapshots.save(tx, pair.id, both(priority="2"))
    assert list(await tx.scalars(HOLDER)) == ["field_versions_unplanned"]
    await months.open_ahead(tx)
    assert list(await tx.scalars(HOLDER)) == [this_month]


async def test_only_whole_months_before_the_day_are_dropped(tx: Tx) -> None:
    this_month, next_month, third, *_ = await made(tx)
    year, month = third.removeprefix("field_versions_").split("_")
    assert await months.drop_before(tx, datetime(int(year), int(month), 28, tzinfo=UTC)) == [
        this_month,
        next_month,
    ]
    assert (await made(tx))[0] == third
