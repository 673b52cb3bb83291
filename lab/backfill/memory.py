"""How a worker's memory goes during a load: what it begins with, what it grows by, and how much it may."""

from __future__ import annotations

from dataclasses import dataclass, field

from pydantic import BaseModel

SETTLED = 5
"""Per cent of a load after which a worker has imported what it needs and filled its pools."""
FROM = 33
"""Per cent from which on nothing should grow any more."""
FLAT = 32.0
"""Megabytes that a load may grow by from there: pages in the air, and what Python's allocator keeps of them."""
PER_PAIR = 0.3
"""Megabytes of a pair's workflow in the worker's cache. Each pair that differs has one; others have none yet."""


class Memory(BaseModel):
    """Of the worker, in megabytes."""

    start: float
    most: float
    end: float
    growth: float
    """From a third of the load on, at most in one worker's life."""
    allowed: float

    @property
    def is_steady(self) -> bool:
        return self.growth <= self.allowed


@dataclass(slots=True)
class Watched:
    """Samples by worker: a killed one's successor begins afresh."""

    lives: dict[int, list[tuple[int, float]]] = field(default_factory=dict)

    def note(self, pid: int, share: int, megabytes: float) -> None:
        self.lives.setdefault(pid, []).append((share, megabytes))

    def summed_up(self, workflows: int) -> Memory:
        """Args: workflows: Of pairs that had to be looked at, and stay cached."""
        samples = [megabytes for life in self.lives.values() for _, megabytes in life] or [0.0]
        return Memory(
            start=samples[0],
            most=max(samples),
            end=samples[-1],
            growth=max(map(_growth, self.lives.values()), default=0.0),
            allowed=FLAT + PER_PAIR * workflows,
        )


def _growth(life: list[tuple[int, float]]) -> float:
    since = max(FROM, life[0][0] + SETTLED)
    late = [megabytes for share, megabytes in life if share >= since]
    return max(late, default=0.0) - late[0] if late else 0.0
