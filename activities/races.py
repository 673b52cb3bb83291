"""Did our write hit somebody's edit, or did somebody take back what a write had left whose answer got lost?

Both are seen only afterwards, and both become an `Overwritten`: policy judges it (semantics §4.5).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from pydantic import JsonValue

from activities.sending import Sent
from connectors.base import Connector
from domain.records import FieldVersion, Origin, Snapshot
from domain.values import Value, same
from domain.view import Overwritten
from store.plans import StepRow


async def edits_hit(connector: Connector, before: Snapshot, sent: Sent) -> list[Overwritten]:
    """Edits that came between our last read and our write, on the very fields that we wrote.

    None is looked for where the system compared and set, where its counter proves that nobody came between, or
    where it keeps no history: such a pair is shown "at risk".
    """
    if not sent.requests or not can_tell_hits(connector):
        return []
    if connector.capabilities.sequence and _nobody_between(before, sent):
        return []
    history = _by_field(await connector.history(before.ref, before), until=sent.target.sequence)
    found = (
        (ours, _hit(connector, history.get(n, ()), ours, before.value(n))) for n, ours in sent.fields.items()
    )
    return [Overwritten(version=edit, ours=ours) for ours, edit in found if edit is not None]


def can_tell_hits(connector: Connector) -> bool:
    """Whether a write may hit an edit there, and the change history would tell."""
    return connector.capabilities.change_history and not connector.capabilities.compare_and_set


async def edits_hit_late(connector: Connector, last: Snapshot, natives: Iterable[str]) -> list[Overwritten]:
    """Edits since the last snapshot that a write of ours has hit which nobody accounts for, or that took back what it had brought."""
    history = _by_field(await connector.history(last.ref, last), until=None)
    found: list[Overwritten] = []
    for name in natives:
        versions: Sequence[FieldVersion] = history.get(name, ())
        mine = [n for n, version in enumerate(versions) if version.origin is Origin.ACCORD]
        if not mine:
            continue
        if mine[-1] > 0 and versions[mine[-1] - 1].origin is not Origin.ACCORD:
            found.append(Overwritten(version=versions[mine[-1] - 1], ours=versions[mine[-1]].value))
        if versions[-1].origin is not Origin.ACCORD and same(versions[-1].value, last.value(name)):
            found.append(Overwritten(version=versions[-1], ours=versions[-1].value))
    return found


async def may_be_ours(connector: Connector, step: StepRow, decided: Snapshot) -> bool:
    """Whether an earlier attempt may have brought the values that stand; only a history with our marker denies it."""
    if not (connector.capabilities.change_history and connector.capabilities.write_marker):
        return True
    history = await connector.history(decided.ref, decided)
    return any(v.origin is Origin.ACCORD and v.field in step.fields for v in history)


def _nobody_between(before: Snapshot, sent: Sent) -> bool:
    """By the counter, unless the save that it counted is somebody else's: a write that changes nothing isn't counted."""
    after, told = sent.target.sequence, sent.result.by_us if sent.result else None
    return before.sequence is not None and after == before.sequence + sent.requests and told is not False


@dataclass(frozen=True, slots=True)
class Behind:
    """What became of a lost request of an earlier attempt."""

    hit: list[Overwritten]
    """Edits that it has hit."""
    taken_back: list[Overwritten]
    """Edits that brought the old value back behind it, or that may have."""
    landed: dict[str, JsonValue]
    """Native field → the value that it brought, whether or not that stands any more."""


async def look_behind(
    connector: Connector, step: StepRow, decided: Snapshot, shown: Snapshot, *, saved_by_us: int
) -> Behind:
    """What a request did whose answer nobody has.

    A record on which somebody put the old value back looks as if the request never had arrived; sent again, it would
    write over a person who saw it. The change history knows, else the field's own stamp, else a counter that leaves
    no room for both. Where nothing knows, the value that stands is taken for an edit: at worst a conflict is decided
    that was none.

    Args:
        connector: The target's.
        step: One that was claimed before, and isn't done.
        decided: The target as the plan was decided on.
        shown: The target as read just now.
        saved_by_us: How often this plan's other steps have saved the record since.
    """
    room = not _no_room_for_two(decided, shown, saved_by_us)
    old = [name for name in step.fields if _is_old(step, shown, name)]
    stands = {n: shown.fields[n] for n, ours in step.fields.items() if same(shown.value(n), ours)}
    if connector.capabilities.change_history:
        if not (room or stands):
            return Behind([], [], {})
        history = _by_field(await connector.history(decided.ref, decided), until=None)
        landed = _landed(connector, step, history)
        brought = {name: history[name][n].value for name, n in landed.items()}
        if not room:
            return Behind([], [], brought)
        hit = [
            Overwritten(version=edit, ours=step.fields[name])
            for name in landed
            if (edit := _hit(connector, history[name], step.fields[name], decided.value(name))) is not None
        ]
        return Behind(hit, _taken_back(old, landed, history, shown), brought)
    if saved_by_us or not room:
        return Behind([], [], stands)
    stamped = [_stamped_since(name, decided, shown) for name in old]
    return Behind([], [_standing(one, shown) for one in stamped if one is not None], stands)


def _landed(
    connector: Connector, step: StepRow, history: Mapping[str, Sequence[FieldVersion]]
) -> dict[str, int]:
    """Native field → where in its history our request stands."""
    entries = {n: _own_entry(connector, history.get(n, ()), ours) for n, ours in step.fields.items()}
    return {name: entry for name, entry in entries.items() if entry is not None}


def _taken_back(
    old: Sequence[str],
    landed: Mapping[str, int],
    history: Mapping[str, Sequence[FieldVersion]],
    shown: Snapshot,
) -> list[Overwritten]:
    edited = [name for name in old if name in landed and landed[name] < len(history[name]) - 1]
    return [_standing(history[name][-1], shown) for name in edited]


def _standing(edit: FieldVersion, shown: Snapshot) -> Overwritten:
    """An edit that isn't overwritten but stands, though no comparison with the old baseline would show it."""
    return Overwritten(version=edit, ours=shown.fields[edit.field])


def _is_old(step: StepRow, shown: Snapshot, native: str) -> bool:
    return (
        native in shown.fields and native in step.expect and same(shown.fields[native], step.expect[native])
    )


def _no_room_for_two(decided: Snapshot, shown: Snapshot, saved_by_us: int) -> bool:
    """Whether the record can't have been saved both by the lost request and by somebody after it."""
    if shown.sequence is None or decided.sequence is None:
        return shown.version == decided.version
    return shown.sequence <= decided.sequence + saved_by_us + 1


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


def _by_field(history: Sequence[FieldVersion], *, until: int | None) -> dict[str, list[FieldVersion]]:
    """Oldest first; without what came after a save of ours, where saves are counted."""
    found: dict[str, list[FieldVersion]] = {}
    for version in history:
        if until is None or version.sequence is None or version.sequence <= until:
            found.setdefault(version.field, []).append(version)
    return found


def _own_entry(connector: Connector, versions: Sequence[FieldVersion], ours: JsonValue) -> int | None:
    """Where our last own entry stands: by its marker, or, where the system doesn't mark writes, by its value."""
    own = [n for n, version in enumerate(versions) if version.origin is Origin.ACCORD]
    if not own and not connector.capabilities.write_marker:
        own = [n for n, version in enumerate(versions) if same(version.value, ours)]
    return own[-1] if own else None


def _hit(
    connector: Connector, versions: Sequence[FieldVersion], ours: JsonValue, known: Value
) -> FieldVersion | None:
    """The foreign value that stood when our write came, if it is news. One like ours leaves no entry of ours behind it."""
    earlier = versions[: _own_entry(connector, versions, ours)]
    if not earlier or earlier[-1].origin is Origin.ACCORD or same(earlier[-1].value, known):
        return None
    return earlier[-1]
