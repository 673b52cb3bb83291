import pytest

from domain.sides import Side
from store import ledger
from store.database import Tx
from store.pairs import PairRow
from tests.store.builders import a_pair

pytestmark = pytest.mark.stack


async def write(tx: Tx, pair: PairRow, version: str, *, exact: bool = True) -> None:
    ref = pair.ends[Side.A].ref
    await ledger.record(
        tx, pair.id, Side.A, ref, version=version, fields={"priority": "1"}, exact=exact, request={}
    )


async def test_an_echo_is_dropped_only_for_the_pair_that_wrote_it(tx: Tx, pair: PairRow) -> None:
    other = await a_pair(tx, integration="pages")
    await write(tx, pair, "7")
    both = [pair.id, other.id]
    assert await ledger.is_own(tx, both, "servicenow", "inc1", "7") == {pair.id}


async def test_another_version_record_or_connection_is_no_echo(tx: Tx, pair: PairRow) -> None:
    await write(tx, pair, "7")
    assert await ledger.is_own(tx, [pair.id], "servicenow", "inc1", "8") == set()
    assert await ledger.is_own(tx, [pair.id], "servicenow", "inc2", "7") == set()
    assert await ledger.is_own(tx, [pair.id], "jira", "inc1", "7") == set()


async def test_a_token_that_may_repeat_proves_nothing(tx: Tx, pair: PairRow) -> None:
    await write(tx, pair, "7", exact=False)
    assert await ledger.is_own(tx, [pair.id], "servicenow", "inc1", "7") == set()
