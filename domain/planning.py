"""From settled units to writes: one request per side with all its fields, and nothing that stands there already."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from pydantic import JsonValue

from domain.concluding import Conclusion
from domain.mapping import is_same
from domain.outcome import PlannedHalf, PlannedWrite, WritePlan
from domain.reading import FieldReading
from domain.sides import SIDES, Pair, Side


def plan(conclusions: Iterable[Conclusion]) -> tuple[WritePlan | None, tuple[PlannedHalf, ...]]:
    """The plan, and the baselines that move now because their unit needs no write.

    A group's baselines move together: if one member is written, all wait for that write.
    """
    planned: list[PlannedHalf] = []
    adopted: list[PlannedHalf] = []
    written: list[Conclusion] = []
    for conclusion in conclusions:
        halves = [_half(conclusion, member) for member in settled_members(conclusion)]
        needs_write = any(half.written for half in halves)
        (planned if needs_write else adopted).extend(halves)
        written += [conclusion] if needs_write else []
    return _write_plan(written, planned), tuple(adopted)


def settled_members(conclusion: Conclusion) -> Iterator[FieldReading]:
    return (m for m in conclusion.reading.members if m.field.name in conclusion.finals)


def _half(conclusion: Conclusion, member: FieldReading) -> PlannedHalf:
    final = conclusion.finals[member.field.name]
    halves = Pair.of(lambda side: final[side] if _is_written(member, side, final) else member.standing[side])
    return PlannedHalf(
        field=member.field.name,
        unit=conclusion.reading.name,
        halves=(halves.a, halves.b),
        written=tuple(side for side in SIDES if _is_written(member, side, final)),
    )


def _is_written(member: FieldReading, side: Side, final: Pair[JsonValue]) -> bool:
    return not is_same(member.field, side, final[side], member.standing[side])


def _write_plan(conclusions: list[Conclusion], settles: list[PlannedHalf]) -> WritePlan | None:
    if not conclusions:
        return None
    writes = [_write(side, conclusions) for side in SIDES]
    return WritePlan(
        writes=tuple(write for write in writes if write),
        settles=tuple(settles),
        merges=tuple(s.reading.name for s in conclusions if s.is_merged),
    )


def _write(side: Side, conclusions: list[Conclusion]) -> PlannedWrite | None:
    fields: dict[str, JsonValue] = {}
    expect: dict[str, JsonValue] = {}
    for conclusion in conclusions:
        for member in settled_members(conclusion):
            final = conclusion.finals[member.field.name]
            if _is_written(member, side, final):
                fields[member.field.native(side)] = final[side]
                expect[member.field.native(side)] = member.standing[side]
    return PlannedWrite(side=side, fields=fields, expect=expect) if fields else None
