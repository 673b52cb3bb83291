"""What a run of a case ended with, and where that differs from what the case expects.

Both runners fill the same `Outcome`: the pure one and the one that drives the real product.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, Literal

from pydantic import BaseModel, JsonValue

from domain.outcome import RECORD_UNIT, LogLine
from domain.sides import SIDES
from domain.values import canonical, same
from lab.scenarios.corpus import SIDE_WORDS, Case, LogExpected, SideWord
from lab.scenarios.translation import POLICY_WORDS, word_of


class LoggedLine(BaseModel):
    """A conflict log line in the words of the corpus."""

    field: str
    kind: str
    policy: str
    winner: str | None = None
    overruled: list[tuple[SideWord, JsonValue]] = []


class Outcome(BaseModel):
    """How a run ended."""

    records: dict[SideWord, dict[str, JsonValue] | None]
    """The pair's record per side; None if it is deleted."""
    log: list[LoggedLine] = []
    writes: dict[SideWord, int] = {"A": 0, "B": 0}
    """Requests that changed something, by side."""
    pending: list[str] = []
    alerts: list[str] = []
    """Every alert that was raised, as `kind unit`."""
    link: Literal["active", "detached", "closed"] = "active"
    count: dict[SideWord, int] = {"A": 1, "B": 1}
    """Records that exist per side."""
    links: int = 1
    """Active pairs."""
    apart: list[str] = []
    """`KEY field` of what differs in pairs that call themselves in step: never right, whatever a case expects."""


class Difference(BaseModel):
    """One thing that a case expects otherwise."""

    what: str
    expected: Any
    found: Any

    def __str__(self) -> str:
        return f"{self.what}: expected {self.expected!r}, found {self.found!r}"


def logged(line: LogLine) -> LoggedLine:
    """A line as the corpus writes it: an overruled value of the whole record also names its field."""
    whole = line.unit == RECORD_UNIT
    winner = None if line.winner is None else line.winner.value
    return LoggedLine(
        field=line.unit,
        kind=line.kind.value,
        policy=line.policy,
        winner=winner.upper() if winner in {side.value for side in SIDES} else winner,
        overruled=[(word_of(o.side), [o.field, o.value] if whole else o.value) for o in line.overruled],
    )


def compare(case: Case, outcome: Outcome) -> list[Difference]:
    """Every difference between what the case expects and what the run ended with; none is a pass."""
    return [
        *_records(case, outcome),
        *_log(case, outcome),
        *_writes(case, outcome),
        *_states(case, outcome),
    ]


def _records(case: Case, outcome: Outcome) -> Iterator[Difference]:
    for side in SIDE_WORDS:
        expected, found = case.expect.record(side), outcome.records.get(side)
        if expected is None:
            continue
        if expected == "deleted" or found is None:
            if (expected == "deleted") != (found is None):
                yield Difference(what=f"record {side}", expected=expected, found=found)
            continue
        for name, value in expected.items():
            if not _is_equal(case, name, value, found.get(name)):
                yield Difference(what=f"{side}.{name}", expected=value, found=found.get(name))


def _is_equal(case: Case, name: str, expected: JsonValue, found: JsonValue) -> bool:
    field = case.given.fields.get(name)
    if field and field.is_set:
        return _as_set(expected) == _as_set(found)
    return same(expected, found)


def _as_set(value: JsonValue) -> set[str]:
    return {
        canonical(element)
        for element in (value if isinstance(value, list) else [] if value is None else [value])
    }


def _log(case: Case, outcome: Outcome) -> Iterator[Difference]:
    """`log` holds every line and no other; `log_min` lines that must be among them."""
    expect = case.expect
    lines = expect.log if expect.log_min is None else expect.log_min
    if lines is None:
        return
    left = list(outcome.log)
    for line in lines:
        found = next((one for one in left if _is_line(case, line, one)), None)
        if found is None:
            yield Difference(
                what=f"log {line.field}", expected=_shown(line), found=[_shown(one) for one in outcome.log]
            )
        else:
            left.remove(found)
    if expect.log_min is None:
        yield from (
            Difference(what=f"log {one.field}", expected="no such line", found=_shown(one)) for one in left
        )


def _is_line(case: Case, expected: LogExpected, found: LoggedLine) -> bool:
    if (expected.field, expected.kind) != (found.field, found.kind):
        return False
    written = expected.model_fields_set
    policy = POLICY_WORDS.get(expected.policy or "", expected.policy)
    if "policy" in written and policy != found.policy:
        return False
    if "winner" in written and expected.winner != found.winner:
        return False
    return expected.overruled is None or _are_overruled(case, expected, expected.overruled, found)


def _are_overruled(
    case: Case, line: LogExpected, expected: Iterable[tuple[SideWord, JsonValue]], found: LoggedLine
) -> bool:
    field = case.given.fields.get(line.field)

    def mark(one: tuple[SideWord, JsonValue]) -> tuple[str, Any]:
        side, value = one
        return side, sorted(_as_set(value)) if field and field.is_set else canonical(value)

    return sorted(map(mark, expected)) == sorted(map(mark, found.overruled))


def _shown(line: BaseModel) -> dict[str, Any]:
    return line.model_dump(exclude_unset=isinstance(line, LogExpected))


def _writes(case: Case, outcome: Outcome) -> Iterator[Difference]:
    counted = {**{str(side): n for side, n in outcome.writes.items()}, "total": sum(outcome.writes.values())}
    for side, number in case.expect.writes.items():
        if counted.get(side, 0) != number:
            yield Difference(what=f"writes {side}", expected=number, found=counted.get(side, 0))
    for side, most in case.expect.writes_max.items():
        if counted.get(side, 0) > most:
            yield Difference(what=f"writes {side}", expected=f"at most {most}", found=counted.get(side, 0))


def _states(case: Case, outcome: Outcome) -> Iterator[Difference]:
    expect = case.expect
    pairs: list[tuple[str, Any, Any]] = [
        ("link", expect.link, outcome.link),
        ("links", expect.links, outcome.links),
        ("apart", [], outcome.apart),
        ("pending", _sorted(expect.pending), _sorted(outcome.pending)),
        ("alerts", _sorted(expect.alerts), _sorted(outcome.alerts)),
        *((f"records {side}", expect.records.get(side), outcome.count.get(side)) for side in SIDE_WORDS),
    ]
    for what, expected, found in pairs:
        if expected is not None and expected != found:
            yield Difference(what=what, expected=expected, found=found)


def _sorted(names: Iterable[str] | None) -> list[str] | None:
    return None if names is None else sorted(set(names))
