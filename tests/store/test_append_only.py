import pytest
from sqlalchemy import exc, text

from domain.outcome import Decision, DecisionVerdict
from store import audit, conflicts, decisions
from store.database import Database
from store.pairs import PairRow
from tests.store.builders import INTEGRATION, a_line

pytestmark = pytest.mark.stack

TABLES = {
    "integrations": "UPDATE integrations SET source = 'name: other'",
    "conflicts": "UPDATE conflicts SET winner = 'b'",
    "decisions": "UPDATE decisions SET accepted = true",
    "audit": "UPDATE audit SET who = 'nobody'",
}


@pytest.fixture
async def history(database: Database, pair: PairRow) -> Database:
    """At least one row in each append-only table."""
    async with database.begin() as tx:
        await conflicts.append(tx, pair.id, INTEGRATION, 1, [a_line()])
        verdict = DecisionVerdict(token="c1", accepted=False, message="stale")
        await decisions.record(tx, pair.id, Decision(token="c1"), verdict)
        await audit.append(tx, "ines", "pause", pair_id=pair.id)
    return database


@pytest.mark.parametrize("table", TABLES)
@pytest.mark.parametrize("act", ["UPDATE", "DELETE", "TRUNCATE"])
async def test_history_cannot_be_changed(history: Database, table: str, act: str) -> None:
    statements = {
        "UPDATE": TABLES[table],
        "DELETE": f"DELETE FROM {table}",  # noqa: S608 - a table of ours
        "TRUNCATE": f"TRUNCATE {table} CASCADE",
    }

    async def change() -> None:
        async with history.begin() as tx:
            await tx.execute(text(statements[act]))

    with pytest.raises(exc.IntegrityError, match=f"append only: {act} is refused"):
        await change()
