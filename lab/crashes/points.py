"""Fault points: named places at which a process of a test build can be told to die by SIGKILL, once each.

    <step>/<where>#<n>      apply_changes/after update on beta#1

A **step** is what Temporal or the gateway calls a piece of work: an activity, `webhook`, `relay`, `decision`. Its
**subject** is the integration that it works for. `#n` counts how often the step has come by there in this attempt.

The campaign and the processes meet in a directory: a file in `armed/` is an order to die there, and who carries it out
moves the file to `hit/` first, so that nobody dies of it twice. `reached` lists every point that was passed.
"""

from __future__ import annotations

import json
import os
import signal
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple
from urllib.parse import quote


class Point(NamedTuple):
    """A fault point of one kind of work."""

    subject: str
    """The integration that is worked for."""
    name: str

    @property
    def step(self) -> str:
        return self.name.partition("/")[0]

    @property
    def file(self) -> str:
        return quote(f"{self.subject}:{self.name}", safe=" ")


@dataclass(slots=True)
class Step:
    """One attempt at a piece of work. A step that hears whom it works for only under way sets its subject then."""

    name: str
    subject: str = ""
    passed: Counter[str] = field(default_factory=Counter)


_STEP: ContextVar[Step | None] = ContextVar("step", default=None)


@contextmanager
def working(step: str, subject: str = "") -> Iterator[None]:
    """Points in this block belong to this step."""
    token = _STEP.set(Step(step, subject))
    try:
        yield
    finally:
        _STEP.reset(token)


def works_for(subject: str) -> None:
    """Say whom the step works for."""
    step = _STEP.get()
    if step is not None:
        step.subject = subject


@dataclass(frozen=True, slots=True)
class Points:
    """The processes' side of the directory, and the campaign's."""

    directory: Path

    def prepare(self) -> None:
        for name in ("armed", "hit"):
            (self.directory / name).mkdir(parents=True, exist_ok=True)

    def reach(self, where: str) -> None:
        """Pass a point, or die there."""
        step = _STEP.get()
        if step is None:
            return
        step.passed[where] += 1
        if not step.subject:
            return
        point = Point(step.subject, f"{step.name}/{where}#{step.passed[where]}")
        with (self.directory / "reached").open("a") as reached:
            reached.write(json.dumps(point) + "\n")
        if self._must_die(point):
            os.kill(os.getpid(), signal.SIGKILL)

    def _must_die(self, point: Point) -> bool:
        """Whether the order to die here is ours; nobody has it twice."""
        with suppress(FileNotFoundError):
            (self.directory / "armed" / point.file).rename(self.directory / "hit" / point.file)
            return True
        if not self._each(point.subject).exists():
            return False
        with suppress(FileExistsError):
            (self.directory / "hit" / point.file).touch(exist_ok=False)
            return True
        return False

    def _each(self, subject: str) -> Path:
        return self.directory / "armed" / f"each {quote(subject)}"

    # ------------------------------------------------------------------------------------------- the campaign's
    def reached(self) -> list[Point]:
        """Every point passed so far, once each, in the order of the first time."""
        file = self.directory / "reached"
        lines = file.read_text().splitlines() if file.exists() else []
        return list(dict.fromkeys(Point(*json.loads(line)) for line in lines))

    def arm(self, points: Iterable[Point]) -> None:
        for point in points:
            (self.directory / "armed" / point.file).touch()

    def arm_each(self, subject: str) -> None:
        """From now on whoever works for this integration dies at every point, the first time that it is come by."""
        self._each(subject).touch()

    def disarm(self) -> None:
        for file in (self.directory / "armed").iterdir():
            file.unlink(missing_ok=True)

    def is_hit(self, point: Point) -> bool:
        return (self.directory / "hit" / point.file).exists()
