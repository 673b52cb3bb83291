"""How far a plan has come: by this attempt or an earlier one. Bookkeeping only, no I/O."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from pydantic import JsonValue

from domain.integration import FieldMap, Integration
from domain.outcome import PlannedHalf, WritePlan
from domain.records import Snapshot
from domain.settlement import SettledHalves, settled_halves
from domain.sides import SIDES, Side
from domain.values import MISSING, same
from domain.view import Overwritten


@dataclass(slots=True)
class Progress:
    declared: Integration
    plan: WritePlan
    responses: dict[tuple[Side, str], JsonValue] = field(default_factory=dict)
    """(side, native name) → what the write's own response showed."""
    done: set[tuple[Side, str]] = field(default_factory=set)
    settled: set[str] = field(default_factory=set)
    natives_hit: dict[Side, list[str]] = field(default_factory=lambda: {side: [] for side in SIDES})
    """Native fields of which our write hit an edit: the next pass judges them, so their units' baselines stay."""
    refused: dict[str, str] = field(default_factory=dict)
    """Unit → the system's reason."""
    written: list[str] = field(default_factory=list)
    adjusted: list[str] = field(default_factory=list)
    look_again: list[str] = field(default_factory=list)
    """Why another pass must follow at once."""
    hopeless: str = ""
    """Why the pair is quarantined; empty if it isn't."""

    def field_map(self, name: str) -> FieldMap:
        return next(f for f in self.declared.fields if f.name == name)

    def unit_of(self, side: Side) -> dict[str, str]:
        """Native name → unit, of all fields that the plan touches."""
        return {self.field_map(half.field).native(side): half.unit for half in self.plan.settles}

    def names(self, side: Side, natives: Iterable[str]) -> str:
        """The owner's names of native fields."""
        known = {f.native(side): f.name for f in self.declared.fields}
        return ", ".join(known.get(native, native) for native in natives)

    def take(self, side: Side, fields: Mapping[str, JsonValue], response: Mapping[str, JsonValue]) -> None:
        """These fields have been written; the response showed these values."""
        self.done |= {(side, native) for native in fields}
        self.responses |= {(side, native): value for native, value in response.items()}

    def compare_rest(self, end: str, side: Side, known: Snapshot, shown: Mapping[str, JsonValue]) -> None:
        """Look again if mapped fields that we haven't written show otherwise than this plan knows them.

        An automation's edit along with a write, or a person's before it: the snapshot that a write leaves shows it as
        seen, and no pass has compared it.
        """
        changed = [
            field.name
            for field in self.declared.fields
            if (side, native := field.native(side)) not in self.done
            and not same(shown.get(native, MISSING), known.value(native))
        ]
        if changed:
            self.look_again.append(f"{end} changed {', '.join(changed)} along with our write")

    def hit(self, side: Side, edits: Iterable[Overwritten]) -> None:
        """Our write of these fields hit somebody's edits."""
        self.natives_hit[side] += [edit.version.field for edit in edits]

    def still_wanted(self, side: Side, fields: Mapping[str, JsonValue]) -> dict[str, JsonValue]:
        """What is left of a step once refused units are taken out."""
        units = self.unit_of(side)
        return {native: value for native, value in fields.items() if units[native] not in self.refused}

    def ready(self) -> list[PlannedHalf]:
        """Halves of units whose writes have all been made and whose baselines haven't moved yet."""
        kept = self.settled | self._raced() | self.refused.keys()
        waiting = {half.unit for half in self.plan.settles if not self._is_written(half)}
        return [half for half in self.plan.settles if half.unit not in kept | waiting]

    def _raced(self) -> set[str]:
        return {self.unit_of(side)[native] for side in SIDES for native in self.natives_hit[side]}

    def halves(self, half: PlannedHalf) -> SettledHalves:
        """The baseline of one field, from the decision and the responses."""
        declared = self.field_map(half.field)
        responses = {s: self.responses.get((s, declared.native(s)), MISSING) for s in half.written}
        return settled_halves(declared, half, responses)

    def half_merged(self) -> dict[str, list[Side]]:
        """Merged units that one side finally refused though another already has them: to be taken back."""
        torn = (unit for unit in self.plan.merges if unit in self.refused)
        found = {unit: [s for s in SIDES if self._reached(unit, s)] for unit in torn}
        return {unit: sides for unit, sides in found.items() if sides}

    def _reached(self, unit: str, side: Side) -> bool:
        halves = (half for half in self.plan.settles if half.unit == unit and side in half.written)
        return any((side, self.field_map(half.field).native(side)) in self.done for half in halves)

    def _is_written(self, half: PlannedHalf) -> bool:
        declared = self.field_map(half.field)
        return all((side, declared.native(side)) in self.done for side in half.written)
