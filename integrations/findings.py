"""What a check of a declaration finds, and what it may know of the live systems."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum

from pydantic import JsonValue

from domain.description import SchemaChange
from integrations.mistakes import Path, spelled


class Level(StrEnum):
    """How much it matters."""

    ERROR = "error"  # a write or a read will fail
    WARNING = "warning"  # it works, but not as an owner would expect
    NOTE = "note"  # worth knowing


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing worth saying about a declaration."""

    level: Level
    path: str
    """Where in the declaration: `fields[3].values`."""
    message: str
    alert: str = field(default="", compare=False)
    """Names what of the live systems hits what of the declaration: an alert stands for it while it does."""
    at: Path = field(default=(), compare=False)
    """The path step by step, to find its line."""


@dataclass(frozen=True, slots=True)
class SystemFacts:
    """What one side's live system says of itself. None everywhere: it wasn't asked, or it doesn't tell."""

    fields: Sequence[str] | None = None
    """Native names of the record type's fields."""
    allowed: Mapping[str, Sequence[JsonValue]] = field(default_factory=dict)
    """Native field → the values it takes now, where they are limited."""
    changes: Sequence[SchemaChange] = ()
    """What of the record type is no longer as it was once seen."""
    compare_and_set: bool | None = None
    change_history: bool | None = None
    unlogged: Collection[str] = ()
    """Native fields whose edits the change history doesn't tell, though it tells others'."""
    field_stamps: bool | None = None
    clock_uncertainty: timedelta | None = None
    """Declared bound or measurement; None where the clock was never compared with ours."""

    @property
    def stamps_fields(self) -> bool | None:
        """Whether it can be told when one field changed; None if unknown."""
        known = (self.field_stamps, self.change_history)
        return True if any(known) else None if None in known else False


def error(path: Path, message: str, *, alert: str = "", at: Path = ()) -> Finding:
    return Finding(Level.ERROR, spelled(path), message, alert, at or path)


def warning(path: Path, message: str, *, alert: str = "") -> Finding:
    return Finding(Level.WARNING, spelled(path), message, alert, path)


def note(path: Path, message: str) -> Finding:
    return Finding(Level.NOTE, spelled(path), message, at=path)
