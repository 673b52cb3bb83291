"""People name a pair by a ticket's key or by the pair's id; this finds the one that they mean, or says why not."""

from __future__ import annotations

from difflib import get_close_matches

from domain.errors import SyncError
from store import pairs
from store.database import Tx
from store.pairs import PairRow

SHORTEST_ID = 4
"""Characters from which the beginning of an id is taken for one."""

LOOKED_THROUGH = 2000
"""Keys compared to suggest a near one."""


class Unknown(SyncError):
    """Nothing goes by this name."""


class Ambiguous(SyncError):
    """Several go by this name: say which."""


async def find_pair(tx: Tx, named: str) -> PairRow:
    """The pair with this id, beginning of an id, or key of either record.

    An active pair goes before ended ones; of ended ones the newest is meant.

    Raises:
        Unknown: There is none; names near ones.
        Ambiguous: Several active pairs have this record, or begin so.
    """
    found = _best(await pairs.search(tx, named.strip()), named.strip())
    if not found:
        raise Unknown(f"no pair has {named!r} as key or id{await _hint(tx, named)}")
    active = [pair for pair in found if pair.link == "active"]
    if len(active) > 1:
        listed = "; ".join(f"{pair.id} ({shown(pair)}, {pair.integration})" for pair in active[:10])
        raise Ambiguous(f"{named!r} is an end of several pairs: name one by its id: {listed}")
    return (active or found)[0]


def shown(pair: PairRow) -> str:
    """`INC0012 ↔ OPS-7`."""
    return f"{pair.ends.a.key} ↔ {pair.ends.b.key}"


def _best(found: list[PairRow], named: str) -> list[PairRow]:
    """Those that fit best: by id, else by key, else by the beginning of an id."""
    by_id = [pair for pair in found if pair.id == named]
    by_key = [pair for pair in found if named.lower() in {end.key.lower() for end in pair.ends}]
    return by_id or by_key or (found if len(named) >= SHORTEST_ID else [])


async def _hint(tx: Tx, named: str) -> str:
    known = await pairs.listing(tx, link=None, limit=LOOKED_THROUGH)
    if not known:
        return "; there are no pairs yet: `accord link` makes one"
    keys = {end.key.lower(): end.key for pair in known for end in pair.ends}
    near = get_close_matches(named.lower(), keys, n=3, cutoff=0.5)
    if not near:
        return "; `accord pairs` lists them"
    return f"; did you mean {', '.join(keys[key] for key in near)}?"
