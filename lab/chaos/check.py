"""`python -m lab.chaos.check FILE…`: judge recorded histories by the invariants of docs/chaos.md.

It knows the format and nothing of Accord: no module of the engine is imported, so that a mistake there can't excuse
itself here.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

Line = dict[str, Any]
OTHER = {"a": "b", "b": "a"}
STANDS_STILL = {"quarantined", "braked", "paused", "detached", "unreachable"}
"""States that explain a difference of the whole pair."""


@dataclass(frozen=True, slots=True)
class Violation:
    """One broken promise; `line` counts from 1."""

    invariant: str
    line: int
    message: str

    def __str__(self) -> str:
        return f"{self.invariant} line {self.line}: {self.message}"


@dataclass(slots=True)
class Alone:
    """A human value that stands on one side only, so far as the history shows."""

    line: int
    value: Any
    old: Any
    by: str


@dataclass(slots=True)
class FieldLife:
    """One mapped field through one history."""

    name: str
    native: dict[str, str]
    values: dict[str, Any]
    """Value map A → B by its text; empty where values travel unchanged."""
    merges: bool
    now: dict[str, Any]
    alone: dict[str, Alone] = field(default_factory=dict)
    steps: list[dict[str, Any]] = field(default_factory=list)
    """Both values as they may last have stood in step, or as the log says they will: no edit leads away from there."""
    held: dict[str, list[Any]] = field(default_factory=dict)
    """By side, what it has held since: our write may bring over what its person has moved on from meanwhile."""

    def __post_init__(self) -> None:
        self._in_step()

    def agrees(self) -> bool:
        return self._agree(self.now["a"], self.now["b"])

    def _agree(self, a: Any, b: Any) -> bool:
        return bool((self.values.get(str(a)) if self.values else a) == b)

    def _in_step(self) -> None:
        self.steps = [dict(self.now)]
        self.held = {side: [value] for side, value in self.now.items()}

    def edited(self, line: int, side: str, change: Line, by: str) -> None:
        """A person replaces what they see on that side: whatever stood alone there was theirs to replace."""
        self.now[side] = change["new"]
        self.held[side].append(change["new"])
        self.alone[side] = Alone(line, change["new"], change["old"], by)
        if any(step[side] == change["new"] for step in self.steps):
            del self.alone[side]
        if self.agrees():
            self.alone.clear()
            self.steps.append(dict(self.now))

    def written(self, side: str, change: Line) -> Alone | None:
        """Our write; the human value that it replaced though it stood nowhere else, if there was one."""
        self.now[side] = change["new"]
        lost = self.alone.pop(side, None)
        self.steps += [
            {side: change["new"], OTHER[side]: brought}
            for brought in self.held[OTHER[side]]
            if self._agree(*((change["new"], brought) if side == "a" else (brought, change["new"])))
        ]
        self.held[side].append(change["new"])
        if self.agrees():
            self.alone.clear()
            if lost is None:
                self._in_step()  # else they agree only because our write hit an edit: what stood before counts, too
        if lost is None or lost.value == change["new"]:
            return None
        return None if self.merges and _keeps(lost, change["new"]) else lost


def _keeps(lost: Alone, merged: Any) -> bool:
    """Whether every line that the person added is in the merged text."""
    if not (isinstance(lost.value, str) and isinstance(lost.old, str) and isinstance(merged, str)):
        return False
    added = set(lost.value.splitlines()) - set(lost.old.splitlines())
    return added <= set(merged.splitlines())


class Checker:
    """Reads one history from its first line to its last."""

    def __init__(self, head: Line) -> None:
        records = head["records"]
        self.fields = [
            FieldLife(
                f["name"],
                {"a": f["a"], "b": f["b"]},
                {str(k): v for k, v in (f.get("values") or {}).items()},
                bool(f.get("merges")),
                {"a": records["a"].get(f["a"]), "b": records["b"].get(f["b"])},
            )
            for f in head["fields"]
        ]
        self.by_native = {(side, f.native[side]): f for f in self.fields for side in OTHER}
        self.found: list[Violation] = []
        self.quiet = False
        self.has_final = False
        self.dead: set[str] = set()
        self.spare = 0
        """Writes that edits, decisions and faults so far allow (semantics §4.9)."""
        self.last_said: dict[str, tuple[int, Any]] = {}
        self.overruled: set[tuple[str, str, str]] = set()
        """(field, side, value as JSON) that the log named as set aside."""
        self.markers: set[str] = set()
        self.hit: dict[tuple[str, str, str], Violation] = {}
        """Human values that a write replaced and no line named before: a race, if a line says so afterwards."""

    def read(self, number: int, line: Line) -> None:
        """Take one line in. Kinds that say nothing to an invariant are let pass."""
        handler = getattr(self, f"_{line['kind']}", None)
        if handler is not None:
            handler(number, line)

    def end(self, number: int) -> list[Violation]:
        """All that was found; a history without its last line can't show convergence."""
        if not self.has_final:
            self._accuse("I1", number, "the history has no `final` line: the pair never came to rest")
        return [*self.found, *self.hit.values()]

    def _accuse(self, invariant: str, line: int, message: str) -> None:
        self.found.append(Violation(invariant, line, message))

    # ------------------------------------------------------------------------------------------------ the lines
    def _edit(self, number: int, line: Line) -> None:
        self.spare += 1
        for native, change in line["fields"].items():
            life = self.by_native.get((line["side"], native))
            if life is not None:
                life.edited(number, line["side"], change, line["by"])
                self.hit.pop((life.name, line["side"], _text(change["new"])), None)  # it stands again

    def _decision(self, number: int, line: Line) -> None:
        del number, line
        self.spare += 2  # a value of the reviewer's own goes to both sides

    def _fault(self, number: int, line: Line) -> None:
        del number, line
        self.spare += 2  # what died half way is sent again, to both sides where both were due

    _crash = _fault

    def _delete(self, number: int, line: Line) -> None:
        del number
        self.dead.add(line["side"])
        for life in self.fields:  # whoever deletes takes along whatever stood there
            life.alone.pop(line["side"], None)
        self.hit = {key: one for key, one in self.hit.items() if key[1] != line["side"]}

    def _create(self, number: int, line: Line) -> None:
        if line["marker"] in self.markers:
            self._accuse("I5", number, f"a second record was created for {line['marker']}")
        self.markers.add(line["marker"])

    def _log(self, number: int, line: Line) -> None:
        says = [line["stage"], line["winner"], line["outcome"]]
        n, before = self.last_said.get(line["conflict"], (0, None))
        if line["n"] != n + 1:
            self._accuse("I6", number, f"conflict {line['conflict']}: line {line['n']} follows line {n}")
        if before == says:
            self._accuse("I6", number, f"conflict {line['conflict']}: the same thing was logged twice")
        self.last_said[line["conflict"]] = line["n"], says
        if line["stage"] == "opened":
            self.spare += 1  # what is held of a save flows by itself later
        for life in self.fields:
            if life.name in line["outcome"]:
                life.steps.append(dict(zip("ab", line["outcome"][life.name], strict=True)))
        for one in line["overruled"]:
            self.overruled.add((one["field"], one["side"], _text(one["value"])))
        if line["what"] == "race":
            self.spare += 1  # the write that hit an edit was for nothing
            for one in [*line["overruled"], *line["values"]]:
                self.hit.pop((one["field"], one["side"], _text(one["value"])), None)

    def _write(self, number: int, line: Line) -> None:
        side = line["side"]
        self.spare -= 1
        if self.quiet:
            self._accuse("I1", number, "a write after everything was quiet")
        if self.spare < 0:
            self._accuse("I3", number, "more writes than edits, decisions and faults explain")
        if side in self.dead:
            self._accuse("I10", number, f"a write to the deleted record of side {side}")
        for native, change in line["fields"].items():
            life = self.by_native.get((side, native))
            if life is None:
                continue
            lost = life.written(side, change)
            self.hit.pop((life.name, side, _text(change["new"])), None)  # it stands again
            if lost is None or (life.name, side, _text(lost.value)) in self.overruled:
                continue
            said = (
                f"{lost.by}'s {lost.value!r} of line {lost.line} ({life.name} on side {side}) was replaced by "
                f"{change['new']!r}; it stood nowhere else and no log line names it"
            )
            self.hit[life.name, side, _text(lost.value)] = Violation("I2", number, said)

    def _quiet(self, number: int, line: Line) -> None:
        del number, line
        self.quiet = True

    def _final(self, number: int, line: Line) -> None:
        self.has_final = True
        for side in OTHER:
            if side in self.dead and line["records"][side] is not None:
                self._accuse("I10", number, f"the deleted record of side {side} is back")
        self._compare_known(number, line)
        if self.dead or STANDS_STILL & set(line["states"]):
            if self.dead and not {"detached", "closed"} & set(line["states"]):
                self._accuse("I10", number, "a record is deleted, but the pair has not ended")
            return
        for life in self.fields:
            if not life.agrees() and life.name not in line["waiting"]:
                shown = f"{life.now['a']!r} on side a, {life.now['b']!r} on side b"
                self._accuse("I1", number, f"{life.name}: {shown}, and it waits for nothing")

    def _compare_known(self, number: int, line: Line) -> None:
        """Every change must be in the history: values at the end that no line explains make it worthless."""
        for (side, native), life in self.by_native.items():
            shown = line["records"][side]
            if shown is not None and shown.get(native) != life.now[side]:
                self._accuse(
                    "format", number, f"side {side} shows {native}={shown.get(native)!r}, unexplained"
                )


def _text(value: Any) -> str:
    return json.dumps(value, sort_keys=True)


def histories(lines: Iterable[Line]) -> Iterator[list[Line]]:
    """A file may hold many; each begins with its head."""
    current: list[Line] = []
    for line in lines:
        if line["kind"] == "history" and current:
            yield current
            current = []
        current.append(line)
    if current:
        yield current


def check(history: list[Line]) -> list[Violation]:
    """What one history breaks; empty if it keeps every promise.

    Raises:
        ValueError: It doesn't begin with a head of format 1.
    """
    head = history[0]
    if head.get("kind") != "history" or head.get("format") != 1:
        raise ValueError('the first line must be {"kind": "history", "format": 1, …}; see docs/chaos.md')
    checker = Checker(head)
    for number, line in enumerate(history[1:], start=2):
        checker.read(number, line)
    return checker.end(len(history))


TELLS, COMPARES, AT_RISK = "every side tells", "a side only compares", "at risk"
CLASSES = (TELLS, COMPARES, AT_RISK)


def class_of(head: Line) -> str:
    """How much the systems of a history can tell.

    `TELLS`: both keep a change history, every promise must hold. `COMPARES`: one has compare-and-set only, so nobody can
    say afterwards whether a request without an answer arrived. `AT_RISK`: one has neither, there an edit can vanish unseen
    (semantics §8).
    """
    sides = head["capabilities"].values()
    if all(one["change_history"] for one in sides):
        return TELLS
    return COMPARES if all(one["compare_and_set"] or one["change_history"] for one in sides) else AT_RISK


def main(files: list[str]) -> int:
    """Exit code 1 if a history whose systems tell everything breaks a promise, 2 if there is nothing to judge."""
    judged, broken = dict.fromkeys(CLASSES, 0), dict.fromkeys(CLASSES, 0)
    for name in files:
        with Path(name).open(encoding="utf-8") as file:
            for history in histories(json.loads(text) for text in file if text.strip()):
                found, kind = check(history), class_of(history[0])
                judged[kind] += 1
                broken[kind] += bool(found)
                for violation in found:
                    print(f"{name} seed {history[0]['seed']} ({kind}): {violation}")
    for kind in CLASSES:
        print(f"{kind}: {broken[kind]} of {judged[kind]} histories broken")
    if not any(judged.values()):
        return 2
    return int(broken[TELLS] > 0)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
