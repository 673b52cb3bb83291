"""The owner's value wins."""

from __future__ import annotations

from domain.deciding.answers import Takes
from domain.policies import SourcePriority
from domain.reading import UnitReading


def decide(policy: SourcePriority, reading: UnitReading) -> Takes:
    owner = reading.view.systems[policy.owner]
    return Takes(policy.owner, f"source_priority: {owner}", f"{owner} owns {reading.name}")
