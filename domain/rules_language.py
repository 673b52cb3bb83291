"""Conditions in CEL, the Common Expression Language: what owners write behind `when:`.

CEL is made for policies: no loops without end, no side effects, the same answer for the same input. The runtime is
Google's own (cel-expr-python); it bounds iteration and nesting itself, we bound the text.

Variables of a policy rule: `a` and `b`, each `{value, as_a, as_b, at, by, origin, changed}` (`as_b` is the value as
side B would hold it; for a group, `value`, `as_a` and `as_b` are maps by field name) · `base`, `{a, b}` · `newer`,
"a", "b" or "none" · `unit` · `now` · `system`, `{a, b}`, the systems' names. In `create.when`, `a` or `b` holds the
unlinked record's native fields and the other is empty: `has(a.priority) && a.priority in ['1', '2']`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum
from functools import lru_cache
from typing import Any

from cel_expr_python import cel
from cel_expr_python.ext import ext_strings
from google.protobuf.duration_pb2 import Duration
from google.protobuf.timestamp_pb2 import Timestamp

from domain.values import MISSING

POLICY_VARIABLES = frozenset({"a", "b", "base", "newer", "unit", "now", "system"})
CREATE_VARIABLES = frozenset({"a", "b"})
LONGEST = 2000
"""Characters of a condition. The longest one that we saw a person write has 300."""

COMPLAINT = re.compile(r"ERROR: <input>:(\d+):(\d+): (.*?)(?=\n \||\Z)", re.DOTALL)
CODES = re.compile(r"^[A-Z_]+: | \[[A-Z_]+\]$")


class ConditionError(ValueError):
    """The text is no condition. `line` and `column` count from 1 inside the text; 0 where CEL names no place."""

    def __init__(self, message: str, *, line: int = 0, column: int = 0) -> None:
        super().__init__(message)
        self.line = line
        self.column = column


class RuleFailed(Exception):
    """A condition could not be evaluated, or its result is no boolean. The caller fails closed."""


@dataclass(frozen=True, slots=True)
class Condition:
    """A compiled condition."""

    text: str
    program: Any

    def holds(self, variables: Mapping[str, Any]) -> bool:
        """Whether the condition is true of these values; datetimes, lists, maps, None and MISSING are understood.

        Raises:
            RuleFailed: A value isn't there, types don't fit, or the result is neither true nor false.
        """
        try:
            result = self.program.eval(data={name: _as_cel(value) for name, value in variables.items()})
        except RuntimeError as error:  # the iteration budget; anything else comes back as a value
            raise self._failed(str(error)) from error
        if result.type() != cel.Type.BOOL:
            raise self._failed(
                str(result.value()) if result.type() == cel.Type.ERROR else "neither true nor false"
            )
        return bool(result.value())

    def _failed(self, said: str) -> RuleFailed:
        return RuleFailed(f"the condition `{self.text}` gives no answer: {_plainly(said)}")


def compile_condition(text: str, variables: frozenset[str] = POLICY_VARIABLES) -> Condition:
    """Compile once per text; the result is shared.

    Raises:
        ConditionError: A ValueError with the place of the mistake: syntax, an unknown variable, a result that can't
            be true or false.
    """
    if len(text) > LONGEST:
        raise ConditionError(f"a condition has at most {LONGEST} characters, this one {len(text)}")
    return _compiled(text, variables)


@lru_cache(maxsize=1024)
def _compiled(text: str, variables: frozenset[str]) -> Condition:
    try:
        program = _environment(variables).compile(text)
    except RuntimeError as error:
        raise _complaint(str(error), variables) from error
    if program.return_type() not in (cel.Type.BOOL, cel.Type.DYN):
        raise ConditionError(f"the condition gives {program.return_type().name().lower()}, not true or false")
    return Condition(text, program)


@lru_cache(maxsize=8)
def _environment(variables: frozenset[str]) -> Any:
    # Dynamic types: what a system's field holds is known only when the record is read.
    declared = dict.fromkeys(sorted(variables), cel.Type.DYN)
    return cel.NewEnv(variables=declared, extensions=[ext_strings.ExtStrings()])


def _complaint(said: str, variables: frozenset[str]) -> ConditionError:
    found = COMPLAINT.search(said)
    if not found:
        return ConditionError(_plainly(said))
    line, column, message = int(found[1]), int(found[2]), _plainly(found[3])
    if "undeclared reference" in message:
        message += f"; known here: {', '.join(sorted(variables))}"
    return ConditionError(message, line=line, column=column)


def _plainly(said: str) -> str:
    """Drop the status codes that CEL wraps its sentences in."""
    return CODES.sub("", CODES.sub("", said)).replace(" (in container '')", "").strip()


def _as_cel(value: Any) -> Any:
    """A value in the types that the runtime takes inside dynamic maps.

    Times go as protobuf messages: version 0.1.3 refuses Python's own where the declared type is dynamic.
    """
    match value:
        case Mapping():
            return {str(key): _as_cel(item) for key, item in value.items() if item is not MISSING}
        case list() | tuple() | set() | frozenset():
            return [_as_cel(item) for item in value]
        case datetime():
            stamp = Timestamp()
            stamp.FromDatetime(value)
            return stamp
        case timedelta():
            span = Duration()
            span.FromTimedelta(value)
            return span
        case Enum():
            return None if value is MISSING else value.value
        case _:
            return value
