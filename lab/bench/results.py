"""What a run found, in the shape of `--json`."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import quantiles
from typing import Self

from pydantic import BaseModel, field_serializer

from lab.bench.course import Change
from lab.bench.meters import Requests, Told


class Latency(BaseModel, frozen=True):
    """Milliseconds from the edit to the other side's write."""

    p50: float
    p95: float
    p99: float

    @classmethod
    def of(cls, changes: Sequence[Change]) -> Self | None:
        """None where nothing was measured."""
        if not changes:
            return None
        cuts = quantiles((change.seconds * 1000 for change in changes), n=100, method="inclusive")
        return cls(p50=cuts[49], p95=cuts[94], p99=cuts[98])


class Row(BaseModel, frozen=True):
    """One contestant. All costs are per change; what doesn't apply is None."""

    name: str
    changes: int
    per_second: float
    """Saturated."""
    unloaded: Latency | None = None
    paced: Latency | None = None
    loaded: Latency | None = None
    told: Told
    requests: Requests
    cpu_ms: dict[str, float]
    """By process, saturated."""

    @field_serializer("told", "requests")
    def _named(self, counts: Told | Requests) -> dict[str, float]:
        return counts._asdict()

    @property
    def cpu_total(self) -> float:
        return sum(self.cpu_ms.values())


class Claim(BaseModel, frozen=True):
    """A promise of the project, with the number that this run found for it."""

    text: str
    at_least: float
    found: float

    @property
    def holds(self) -> bool:
        return self.found >= self.at_least


class Results(BaseModel, frozen=True):
    """A whole run."""

    rows: list[Row]
    kilobytes_per_idle_pair: float
    """Growth of the worker's memory, cached workflow and all."""
    claims: list[Claim]

    @property
    def all_hold(self) -> bool:
        return all(claim.holds for claim in self.claims)


def claims_of(rows: Sequence[Row]) -> list[Claim]:
    """The two ratios that a clean change must reach."""
    rate = {row.name: row.per_second for row in rows}
    return [
        Claim(
            text="clean changes per second, of the bare workflow's",
            at_least=0.30,
            found=rate["clean"] / rate["bare"],
        ),
        Claim(
            text="clean changes per second, of the workflow's with the same HTTP calls",
            at_least=0.50,
            found=rate["clean"] / rate["http"],
        ),
    ]
