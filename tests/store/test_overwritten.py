import pytest

from domain.records import FieldVersion
from domain.sides import Pair, Side
from domain.view import Overwritten
from store import overwritten, work
from store.database import Tx
from store.pairs import PairRow
from tests.store.builders import at

pytestmark = pytest.mark.stack


def an_edit(value: object, ours: object = "1") -> Overwritten:
    version = FieldVersion.model_validate({"field": "priority", "value": value, "at": at(1), "by": "tom"})
    return Overwritten(version, ours)  # type: ignore[arg-type] # a JSON value


@pytest.mark.parametrize("ours", ["1", None, "missing", 1.5, ["x"]])
async def test_an_edit_that_we_hit_waits_to_be_judged(tx: Tx, pair: PairRow, ours: object) -> None:
    await overwritten.keep(tx, pair.id, Side.B, an_edit("3", ours))
    assert (await work.load(tx, pair.id)).overwritten == Pair({}, {"priority": an_edit("3", ours)})


async def test_a_later_edit_takes_the_place_of_an_earlier_one(tx: Tx, pair: PairRow) -> None:
    for value in ("3", "4"):
        await overwritten.keep(tx, pair.id, Side.A, an_edit(value))
    assert (await work.load(tx, pair.id)).overwritten.a == {"priority": an_edit("4")}


async def test_a_judged_edit_is_forgotten_on_its_side_only(tx: Tx, pair: PairRow) -> None:
    for side in Side:
        await overwritten.keep(tx, pair.id, side, an_edit("3"))
    await overwritten.forget(tx, pair.id, Side.A, ["priority", "other"])
    assert (await work.load(tx, pair.id)).overwritten == Pair({}, {"priority": an_edit("3")})
