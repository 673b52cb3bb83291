"""What the seed decides: who does what to which pair and when, and what goes wrong. What the threads make of it, it doesn't."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from random import Random  # noqa: TID251 - seeded
from typing import Any

from domain.sides import SIDES, Side
from lab.chaos.cast import DECLARED
from lab.systems.faults import Fault

SPAN = 15.0
"""Seconds in which the lives of a wave begin."""
PAUSES = (0.0, 0.05, 0.3, 1.0, 3.0, 6.0)
"""Seconds between two acts of a life: from at once to long after all is written."""


@dataclass(frozen=True, slots=True)
class Rig:
    """What a pair's connections can do, and by which ways their changes come."""

    name: str
    """Of the integration, of the record type, and what the connections' names end with."""
    compare_and_set: bool
    change_history: bool
    polls: bool

    @property
    def words(self) -> dict[str, Any]:
        """For `connections.yaml`."""
        changes = {"mode": "both", "every": "5s"} if self.polls else {"mode": "webhook"}
        return {
            "capabilities": {"cas": self.compare_and_set, "history": self.change_history},
            "changes": changes,
        }


RIGS = (
    Rig("compares", compare_and_set=True, change_history=True, polls=False),
    Rig("remembers", compare_and_set=False, change_history=True, polls=True),
    Rig("neither", compare_and_set=False, change_history=False, polls=True),
)
SHARES = (5, 4, 1)
"""Lives by rig. The last one is at risk (semantics §8)."""


@dataclass(frozen=True, slots=True)
class Act:
    """A person saves or deletes."""

    at: float
    """Seconds after the wave's begin."""
    side: Side
    by: str
    fields: tuple[str, ...]
    """Declared names; none where the record is deleted."""
    draw: int
    """Seeds the new values, which may build on those that the person sees."""
    after: float
    """Seconds between look and save."""


@dataclass(frozen=True, slots=True)
class LifePlan:
    """One pair's people."""

    seed: int
    rig: Rig
    acts: tuple[Act, ...]
    answers: float
    """How likely the reviewer takes up a question when seen."""
    draw: int
    """Seeds what the reviewer says."""


def plan_life(seed: int) -> LifePlan:
    """A life of one to five saves, mostly close together, so that they meet each other's writes."""
    chance = Random(seed)
    (rig,) = chance.choices(RIGS, SHARES)
    at, acts = chance.uniform(0, SPAN), []
    for _ in range(chance.choice((1, 2, 2, 3, 3, 4, 5))):
        acts.append(_act(at, chance))
        at += chance.choice(PAUSES)
    return LifePlan(seed, rig, tuple(acts), chance.choice((0.0, 0.5, 1.0)), chance.getrandbits(32))


def _act(at: float, chance: Random) -> Act:
    side, by = chance.choice(SIDES), chance.choice(("ada", "ines", "joao"))
    chosen = chance.sample([one.name for one in DECLARED], chance.choice((1, 1, 2)))
    deletes = chance.random() < 0.02
    after = chance.choice((0.0, 0.0, 0.5))
    return Act(at, side, by, () if deletes else tuple(chosen), chance.getrandbits(32), after)


@dataclass(frozen=True, slots=True)
class Death:
    """A process dies by SIGKILL."""

    after: float
    """Seconds since the death before."""
    process: str
    """At any moment; empty for whoever first comes by one of the fault points."""
    draws: tuple[float, ...]
    """Choose the points, each from 0 for the first known one to 1."""


@dataclass(frozen=True, slots=True)
class Weather:
    """What a system does to requests."""

    after: float
    """Seconds since the weather before."""
    side: Side
    fault: Fault


@dataclass(frozen=True, slots=True)
class Whim:
    """What a system does to the notices that it sends."""

    after: float
    """Seconds since the whim before."""
    side: Side
    settings: Mapping[str, Any]
    """Hold for a second."""
    draw: int
    """Shuffles held notices."""


BETWEEN = (0.2, 0.5, 1.0, 2.0)
"""Seconds from one trouble to the next of its kind, at least."""
DEATHS = 16
"""In a wave."""
MOST = 200
"""Troubles of the other kinds; the last death ends them."""
DYING = ("", "", "", "worker-1", "worker-2", "gateway")
POINTS = 5
"""Armed at once, so that somebody comes by soon."""
SINGLE = (
    Fault(effect="lost_response", operation="write", times=6),
    Fault(effect="lost_response", times=5),
    Fault(effect="status", status=500, operation="write", times=6),
    Fault(effect="status", status=502, operation="write", applied=True, times=6),
    Fault(effect="status", status=429, headers={"Retry-After": "1"}, times=3),
    Fault(effect="outage", operation="write", times=6),
    Fault(effect="slow", operation="write", delay=1, times=5),
    Fault(effect="slow", operation="read", delay=2.5, times=5),
)
WHOLE = (Fault(effect="status", status=503, seconds=0.7), Fault(effect="outage", seconds=0.7))
"""The whole system is out, and its connection is closed until it has been found well again."""
WHOLE_SHARE = 0.1
WHIMS: tuple[Mapping[str, Any], ...] = (
    {"webhook_drop_next": 8},
    {"webhook_copies": 3},
    {"webhook_delay": 2.0},
    {"webhook_retries": 0},
    {"webhook_hold": True},
)
"""The system loses some, repeats them, is late, gives up at once, or holds them back to tell them shuffled."""


def plan_deaths(seed: int) -> list[Death]:
    """Who dies."""
    chance = Random(f"deaths {seed}")
    return [
        Death(chance.choice(BETWEEN), chance.choice(DYING), tuple(chance.random() for _ in range(POINTS)))
        for _ in range(DEATHS)
    ]


def plan_weather(seed: int) -> list[Weather]:
    """What the systems do to requests as long as there are deaths."""
    chance = Random(f"weather {seed}")
    return [_weather(chance) for _ in range(MOST)]


def plan_whims(seed: int) -> list[Whim]:
    """What the systems do to their notices meanwhile."""
    chance = Random(f"whims {seed}")
    return [
        Whim(chance.choice(BETWEEN), chance.choice(SIDES), chance.choice(WHIMS), chance.getrandbits(32))
        for _ in range(MOST)
    ]


def _weather(chance: Random) -> Weather:
    known = WHOLE if chance.random() < WHOLE_SHARE else SINGLE
    return Weather(chance.choice(BETWEEN), chance.choice(SIDES), chance.choice(known))
