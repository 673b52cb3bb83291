"""What stands in both systems before the load, and what must stand there afterwards."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from domain.backfilling import Tally
from domain.sides import SIDES, Pair
from lab.bench.pairs import chunks
from lab.bench.stage import Stage
from lab.systems.control_api import Action

NAME = "loaded"
AT_ONCE = 200
"""Records made in one transaction of a system."""

DECLARATION = f"""
name: {NAME}
a: {{connection: alpha, record_type: {NAME}}}
b: {{connection: beta, record_type: {NAME}}}
match: [number]
create: {{when: "a.wanted == 'yes'", direction: a_to_b}}
fields:
  - {{name: number, a: number, b: ref}}
  - {{name: title, a: title, b: summary, policy: [last_write_wins, review]}}
  - {{name: prio, a: prio, b: urgency, values: {{"1": High, "2": Medium, "3": Low}}, policy: [{{source_priority: a}}]}}
  - {{name: owner, a: owner, b: assignee, policy: [review]}}
"""


@dataclass(frozen=True, slots=True)
class Mixture:
    """How many of what: of a hundred, 70 agree, 5 differ, 1 needs a review, 20 are missing on one side, 4 are unclear."""

    equal: int
    differ: int
    review: int
    missing: int
    unclear: int

    @classmethod
    def of(cls, pairs: int) -> Mixture:
        differ, review, missing, unclear = (pairs * share // 100 for share in (5, 1, 20, 4))
        return cls(pairs - differ - review - missing - unclear, differ, review, missing, unclear)

    @property
    def expected(self) -> Tally:
        """What a load comes to. An unclear one is a record on one side that could be either of two on the other."""
        return Tally(
            link=self.equal + self.differ + self.review,
            create_a_to_b=self.missing,
            ambiguous=3 * self.unclear,
            differs=self.differ + self.review,
            reviews=self.review,
        )

    def numbers(self) -> Pair[Counter[str]]:
        """How many records bear each number when all is done: one more or less is a duplicate or a loss."""
        once = {f"{kind}{n}": 1 for kind, count in self._kinds for n in range(count)}
        twice = {number: 1 + number.startswith("unclear") for number in once}
        return Pair(Counter(once), Counter(twice))

    @property
    def _kinds(self) -> list[tuple[str, int]]:
        return [
            ("equal", self.equal),
            ("differ", self.differ),
            ("review", self.review),
            ("missing", self.missing),
            ("unclear", self.unclear),
        ]

    def records(self) -> Iterator[Pair[list[dict[str, Any]]]]:
        """The records of both sides, number after number."""
        for kind, count in self._kinds:
            for n in range(count):
                yield _records(kind, f"{kind}{n}")


def _records(kind: str, number: str) -> Pair[list[dict[str, Any]]]:
    title = f"printer on fire {number}"
    wanted = "yes" if kind == "missing" else "no"
    a = {"number": number, "title": title, "prio": "2", "owner": "ines", "wanted": wanted}
    b = {"ref": number, "summary": title, "urgency": "Medium", "assignee": "ines"}
    match kind:
        case "differ":
            return Pair([a], [{**b, "urgency": "Low"}])
        case "review":
            return Pair([a], [{**b, "assignee": "tom"}])
        case "missing":
            return Pair([a], [])
        case "unclear":
            return Pair([a], [b, b])
        case _:
            return Pair([a], [b])


async def seed(stage: Stage, mixture: Mixture) -> int:
    """Make the records; how many."""
    records = list(mixture.records())
    made = 0
    for side in SIDES:
        actions = [
            Action(do="create", record_type=NAME, fields=fields) for both in records for fields in both[side]
        ]
        for some in chunks(actions, AT_ONCE):
            await stage.controls[side].act(some)
        made += len(actions)
    return made


async def duplicates(stage: Stage, mixture: Mixture) -> int:
    """Records too many or too few in either system, by their own word."""
    wanted, wrong = mixture.numbers(), 0
    for side, native in zip(SIDES, ("number", "ref"), strict=True):
        found = Counter(record.fields[native] for record in await stage.controls[side].records(NAME))
        wrong += sum(abs(found[n] - wanted[side][n]) for n in found.keys() | wanted[side].keys())
    return wrong
