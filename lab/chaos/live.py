"""One history, from link to rest."""

from __future__ import annotations

from contextlib import suppress
from functools import partial
from random import Random  # noqa: TID251 - seeded
from typing import Any, cast

from activities.ending import EndingActivities
from activities.messages import PairRef
from activities.noting import NotingActivities
from activities.passes import PassActivities
from activities.rulebook import RuleBook
from domain.records import RecordRef
from domain.sides import SIDES, Pair
from lab.chaos.cast import DECLARED, NAMES, Ground, Hands, declaration, make_cast
from lab.chaos.life import Life, Line
from lab.chaos.memory.database import MemoryDatabase, nobody_dies, read_already
from lab.chaos.port import Port, Rested, installed
from store import integrations, pairs
from store.database import Tx
from store.pairs import EndRow
from workflows.pair import PairLoop
from workflows.state import PairState

STEPS = (PassActivities, EndingActivities, NotingActivities)


def in_memory(rules: RuleBook) -> tuple[Ground, Hands]:
    """A store of the life's own, by its own clock; parsed declarations are shared."""
    clock = Hands()
    return Ground(MemoryDatabase(clock), "chaos", rules), clock


async def live(ground: Ground, clock: Hands, seed: int, *, zombies: bool = True) -> list[Line]:
    """The history of this seed, as docs/chaos.md spells it.

    On a store that is a way off, what two attempts at once do is ordered by their ways: only without `zombies` is a
    seed the same life on every store.
    """
    chance, record_id = Random(seed), str(seed)
    cast_ = make_cast(ground, clock, chance, seed)
    life = Life(cast_, seed, await _linked(ground, record_id), Pair(record_id, record_id), chance)
    life.zombies = zombies
    for steps in STEPS:
        life.instances[steps.__name__] = steps(cast_.context)
    life.lines.append(_head(life))
    ground.database.at_commit = life.at_commit
    for side in SIDES:
        cast_.connectors[side].state.listeners.append(partial(life.saved, side))
    port = Port(life)
    with installed(port), read_already():
        life.loop = loop = PairLoop(PairState(pair=life.pair))
        loop.state.look_everywhere("linked")
        life.edits_left, life.faults_left = chance.randrange(1, 9), chance.choice((0, 1, 3))
        ended = ""
        with suppress(Rested):
            ended = await loop.live()
        await port.close()
    ground.database.at_commit = nobody_dies
    _finish(life, ended)
    return life.lines


async def _linked(ground: Ground, record_id: str) -> PairRef:
    key = f"TICKET-{record_id}"
    refs = NAMES.map(lambda name: RecordRef(connection=name, record_type="ticket", id=record_id))
    name = ground.integration
    async with ground.database.begin() as opened:
        tx = cast("Tx", opened)
        await integrations.apply(tx, name, declaration(name), "chaos")
        version, _ = await integrations.current(tx, name) or (0, "")
        row = await pairs.create(tx, name, version, refs.map(lambda ref: EndRow(ref, key)))
    return PairRef(integration=name, pair_id=row.id, systems=("Left", "Right"), keys=(key, key))


def _head(life: Life) -> Line:
    can = {s.value: life.cast.connectors[s].capabilities.model_dump() for s in SIDES}
    return {
        "kind": "history",
        "format": 1,
        "seed": life.seed,
        "runner": "in-process",
        "capabilities": {
            side: {k: v for k, v in one.items() if isinstance(v, bool)} for side, one in can.items()
        },
        "fields": [one.head() for one in DECLARED],
        "records": _records(life),
    }


def _records(life: Life) -> dict[str, Any]:
    found = {s.value: life.system(s).records[life.records[s]] for s in SIDES}
    return {side: None if record.deleted else dict(record.fields) for side, record in found.items()}


def _finish(life: Life, ended: str) -> None:
    assert life.loop is not None
    standing = life.loop.state.standing
    states = ["detached"] if ended else list(standing.states)
    life.tell(
        "final",
        records=_records(life),
        states=states,
        waiting=list(standing.fields),
        reason=ended or standing.waits_for,
    )
