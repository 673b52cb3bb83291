"""How many requests a connection may make: `600 per 1m`, shared by all processes of a deployment."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Annotated, Any, TypeAlias

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, field_validator

from domain.durations import Duration, spell_duration

SPELLED = re.compile(r"(\d+)\s*(?:per|/)\s*(.+)")
BURST = 0.1
"""Share of the calls that may be made at once; the rest flows evenly, so that no window holds more than is allowed."""
ARRIVAL = 0.25
"""Seconds that a request may take from its lease to the system: those leased so long before a window arrive within it."""
RESERVE = 0.3
"""Share of the burst that background work leaves to people's edits and decisions."""


class Budget(BaseModel):
    """So many calls in any window of this length."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    calls: int = Field(ge=1)
    per: Duration

    @field_validator("per")
    @classmethod
    def _lasts(cls, per: timedelta) -> timedelta:
        if per <= timedelta(0):
            raise ValueError("a window lasts longer than 0s: write for example 600 per 1m")
        return per

    @property
    def burst(self) -> float:
        """Calls that may be made at once."""
        return max(1.0, self.calls * BURST)

    @property
    def rate(self) -> float:
        """Calls per second once the burst is used up."""
        return max(self.calls - self.burst, self.calls * BURST) / (self.per.total_seconds() + ARRIVAL)

    @property
    def reserve(self) -> float:
        """What background work leaves to others; nothing where single calls are all there is."""
        return float(int(self.burst * RESERVE))

    def __str__(self) -> str:
        return f"{self.calls} per {spell_duration(self.per)}"


def parse_budget(written: Any) -> Any:
    """Read `600 per 1m` or `10/s`; anything but text passes through for the model's own check.

    Raises:
        ValueError: The text is no budget; the message shows the form.
    """
    if not isinstance(written, str):
        return written
    found = SPELLED.fullmatch(written.strip())
    if found is None:
        raise ValueError(f"{written!r} is no budget; write for example 600 per 1m")
    span = found[2] if found[2][0].isdigit() else f"1{found[2]}"
    return {"calls": int(found[1]), "per": span}


BudgetGiven: TypeAlias = Annotated[Budget, BeforeValidator(parse_budget)]
