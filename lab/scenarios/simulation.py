"""One record of a system, simulated in memory: stamps, history, its own ways with a written value, its automations."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from pydantic import JsonValue

from domain.records import Evidence, FieldVersion, Gone, Origin, RecordRef, Snapshot
from domain.values import same
from lab.scenarios.corpus import AutomationGiven, CapsGiven, ClockGiven, SideWord
from lab.scenarios.translation import RECORD_TYPE

EPOCH = datetime(2026, 1, 1, tzinfo=UTC)
"""True time 0 of every case; a whole minute, so that stamps cut to minutes behave as in the corpus."""
BEFORE = -3600.0
"""When the records stood in step, in seconds of true time."""
CASCADE = 10
"""Automations that set each other off within one system are stopped after so many rounds, as vendors do."""


class NotForTheCore(Exception):
    """The case needs something that the pure function doesn't have: processes, HTTP, a clock that runs."""


def true_time(seconds: float) -> datetime:
    return EPOCH + timedelta(seconds=seconds)


@dataclass(frozen=True, slots=True)
class Save:
    """One field's change, with its true time."""

    version: FieldVersion
    true_at: datetime


@dataclass(slots=True)
class SimulatedRecord:
    """The record of one side."""

    side: SideWord
    values: dict[str, JsonValue]
    clock: ClockGiven
    caps: CapsGiven
    automations: Sequence[AutomationGiven] = ()
    saves: list[Save] = field(default_factory=list)
    sequence: int = 1
    modified_at: datetime | None = None
    modified_by: str | None = None
    gone: Gone | None = None

    def __post_init__(self) -> None:
        self.modified_at = self.stamp(BEFORE)

    @property
    def ref(self) -> RecordRef:
        return RecordRef(connection=self.side.lower(), record_type=RECORD_TYPE, id="1")

    @property
    def stamps_fields(self) -> bool:
        return self.clock.stamp.get(self.side, "field") == "field"

    def stamp(self, seconds: float) -> datetime | None:
        """What the system writes for a moment of true time: skewed, cut to its granularity, or nothing."""
        if self.side in self.clock.missing:
            return None
        granularity = self.clock.gran.get(self.side, 1)
        skewed = seconds + self.clock.skew.get(self.side, 0)
        return true_time(math.floor(skewed / granularity) * granularity)

    def edit(self, seconds: float, changes: Mapping[str, JsonValue], by: str, origin: Origin) -> None:
        """Somebody saves the record; the system's automations follow with saves of their own."""
        self._save(seconds, changes, by, origin)
        for _ in range(CASCADE):
            fired = [a for a in self.automations if self._fires(a)]
            for automation in fired:
                self._save(seconds, automation.set, "automation", Origin.AUTOMATION)
            if not fired:
                return

    def write(self, seconds: float, fields: Mapping[str, JsonValue]) -> dict[str, JsonValue]:
        """Our write. The response shows what the system stored, before any automation follows."""
        stored = {name: self.keep(value) for name, value in fields.items()}
        self.edit(seconds, stored, "accord", Origin.ACCORD)
        return stored

    def keep(self, value: JsonValue) -> JsonValue:
        """What the system makes of a written value."""
        return _store(self.caps.store)(value) if isinstance(value, str) else value

    def delete(self, seconds: float, by: str | None) -> None:
        self.gone = Gone(ref=self.ref, evidence=Evidence.EVENT, by=by, at=self.stamp(seconds))

    def snapshot(self) -> Snapshot:
        """The record as read. Stamps per field only where the case says that the system has them."""
        return Snapshot(
            ref=self.ref,
            key=f"{self.side}-1",
            fields=dict(self.values),
            version=str(self.sequence),
            sequence=self.sequence,
            modified_at=self.modified_at,
            modified_by=self.modified_by,
            changes={save.version.field: save.version for save in self.saves} if self.stamps_fields else {},
        )

    def history(self, since: int) -> tuple[FieldVersion, ...]:
        """Changes after the first `since` saves; nothing if the system keeps no history."""
        return tuple(save.version for save in self.saves[since:]) if self.caps.history else ()

    def _save(self, seconds: float, changes: Mapping[str, JsonValue], by: str, origin: Origin) -> None:
        changed = {n: v for n, v in changes.items() if n not in self.values or not same(v, self.values[n])}
        if not changed:
            return
        self.sequence += 1
        self.modified_at, self.modified_by = self.stamp(seconds), by
        for name, value in changed.items():
            version = FieldVersion(
                field=name,
                value=value,
                old=self.values.get(name),
                at=self.modified_at,
                by=by,
                origin=origin,
                sequence=self.sequence,
            )
            self.saves.append(Save(version, true_time(seconds)))
            self.values[name] = value

    def _fires(self, automation: AutomationGiven) -> bool:
        met = all(same(self.values.get(name), value) for name, value in automation.when.items())
        return met and any(not same(self.values.get(name), value) for name, value in automation.set.items())


def _store(written: Any) -> Callable[[str], JsonValue]:
    """What `caps.store` names: strip, lower, upper, or a cut at so many characters (`cut: 10`, `cut 10`)."""
    plain: dict[Any, Callable[[str], JsonValue]] = {
        None: str,
        "none": str,
        "strip": str.strip,
        "trim": str.strip,
        "lower": str.lower,
        "upper": str.upper,
    }
    if isinstance(written, dict) and len(written) == 1:
        written = " ".join(f"{word} {value}" for word, value in written.items())
    if written in plain:
        return plain[written]
    cut = re.fullmatch(r"(?:cut|truncate|max)\D*(\d+)", str(written))
    if not cut:
        raise NotForTheCore(f"caps.store {written!r} is not simulated")
    return lambda value: value[: int(cut[1])]
