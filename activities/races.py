"""Did our write hit somebody's edit, or did somebody take back what a write had left whose answer got lost?

Both are seen only afterwards, and both become an `Overwritten`: policy judges it (semantics §4.5).
"""

from __future__ import annotations

from collections.abc import Sequence

from pydantic import JsonValue

from activities.sending import Sent
from connectors.base import Connector
from domain.records import FieldVersion, Origin, Snapshot
from domain.values import same
from domain.view import Overwritten
from store.plans import StepRow


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


async def edits_back(
    connector: Connector, step: StepRow, decided: Snapshot, shown: Snapshot, *, saved_by_us: int
) -> list[Overwritten]:
    """Edits that put an old value back after an earlier attempt's request had arrived, or may have.

    Such a record looks as if that request never had arrived; sent again, it would write over somebody who saw it.
    The change history knows, else the field's own stamp, else a counter that leaves no room for both. Where nothing
    knows, the value that stands is taken for an edit: at worst a conflict is decided that was none.

    Args:
        connector: The target's.
        step: One that was claimed before.
        decided: The target as the plan was decided on.
        shown: The target as read just now.
        saved_by_us: How often this plan's other steps have saved the record since.
    """
    old = [n for n, ours in step.fields.items() if not same(shown.value(n), ours) and _is_old(step, shown, n)]
    if not old or _no_room_for_two(decided, shown, saved_by_us):
        return []
    if connector.capabilities.change_history:
        history = await connector.history(decided.ref, decided)
        found = [_after_ours(n, step.fields[n], history) for n in old]
    elif saved_by_us:
        return []
    else:
        found = [_stamped_since(n, decided, shown) for n in old]
    return [Overwritten(version=one, ours=shown.fields[one.field]) for one in found if one is not None]


def _is_old(step: StepRow, shown: Snapshot, native: str) -> bool:
    return (
        native in shown.fields and native in step.expect and same(shown.fields[native], step.expect[native])
    )


def _no_room_for_two(decided: Snapshot, shown: Snapshot, saved_by_us: int) -> bool:
    """Whether the record can't have been saved both by the lost request and by somebody after it."""
    if shown.sequence is None or decided.sequence is None:
        return shown.version == decided.version
    return shown.sequence <= decided.sequence + saved_by_us + 1


def _after_ours(native: str, ours: JsonValue, history: Sequence[FieldVersion]) -> FieldVersion | None:
    """The newest version of the field, if an older one is our own."""
    versions = [version for version in history if version.field == native]
    is_ours = [v.origin is Origin.ACCORD or same(v.value, ours) for v in versions]
    return versions[-1] if any(is_ours) and not is_ours[-1] else None


def _stamped_since(native: str, decided: Snapshot, shown: Snapshot) -> FieldVersion | None:
    """The value that stands, unless its stamp says that it is as old as what was decided on."""
    stamp = shown.changes.get(native)
    if stamp is not None and same(stamp.value, shown.fields[native]):
        return None if stamp == decided.changes.get(native) else stamp
    return FieldVersion(
        field=native,
        value=shown.fields[native],
        at=shown.modified_at,
        by=shown.modified_by,
        sequence=shown.sequence,
    )


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
