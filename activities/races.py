"""Did our write hit somebody's edit? Asked once, after a write without compare-and-set (semantics §4.5)."""

from __future__ import annotations

from collections.abc import Sequence

from pydantic import JsonValue

from activities.sending import Sent
from connectors.base import Connector
from domain.records import FieldVersion, Origin, Snapshot
from domain.values import same
from domain.view import Overwritten


async def edits_hit(connector: Connector, before: Snapshot, sent: Sent) -> list[Overwritten]:
    """Edits that came between our last read and our write, on the very fields that we wrote.

    None is looked for where the system compared and set, where its counter proves that nobody came between, or
    where it keeps no history: such a pair is shown "at risk".
    """
    promises = connector.capabilities
    if not sent.requests or promises.compare_and_set or not promises.change_history:
        return []
    if promises.sequence and _nobody_between(before, sent):
        return []
    history = await connector.history(before.ref, before)
    found = (_hit(native, value, history, before) for native, value in sent.fields.items())
    return [edit for edit in found if edit is not None]


def _nobody_between(before: Snapshot, sent: Sent) -> bool:
    after = sent.target.sequence
    return before.sequence is not None and after == before.sequence + sent.requests


def _hit(
    native: str, ours: JsonValue, history: Sequence[FieldVersion], before: Snapshot
) -> Overwritten | None:
    """The last foreign value of this field before our own entry, if it is news."""
    versions = [version for version in history if version.field == native]
    mine = next((n for n, v in enumerate(versions) if v.origin is Origin.ACCORD), None)
    if mine is None:  # no marker in this history: our entry is known by its value
        mine = next((n for n, v in enumerate(versions) if same(v.value, ours)), len(versions))
    earlier = [v for v in versions[:mine] if v.origin is not Origin.ACCORD]
    if not earlier or same(earlier[-1].value, before.fields.get(native)):
        return None
    return Overwritten(version=earlier[-1], ours=ours)
