"""Encoded queries (`sysparm_query`): conditions joined by `^`, `^OR` and `^NQ`, with `ORDERBY`.

A part that can't be understood (an unknown column, an unknown operator) is dropped without a word, so the query finds more than
was asked for. That is what a real instance does unless `glide.invalid_query.returns_no_rows` is set.

Source: ServiceNow documentation, "Table API" and "Operators available for filters and queries". Text compares without regard to case,
as the instance's database does.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cmp_to_key
from typing import Any, Final

Row = Mapping[str, str]

_PART: Final = re.compile(
    r"(?P<column>[a-z_][a-z0-9_.]*)"
    r"(?P<operator>ISNOTEMPTY|ISEMPTY|NOT LIKE|NOT IN|STARTSWITH|ENDSWITH|LIKE|IN|!=|>=|<=|=|>|<)"
    r"(?P<value>.*)",
    re.DOTALL,
)
_SEPARATOR: Final = re.compile(r"(?<!\^)\^(?!\^)")  # a doubled caret is a caret inside a value

_TESTS: Final[dict[str, Callable[[str, str], bool]]] = {
    "=": lambda held, asked: held == asked,
    "!=": lambda held, asked: held != asked,
    "LIKE": lambda held, asked: asked in held,
    "NOT LIKE": lambda held, asked: asked not in held,
    "STARTSWITH": lambda held, asked: held.startswith(asked),
    "ENDSWITH": lambda held, asked: held.endswith(asked),
    "IN": lambda held, asked: held in asked.split(","),
    "NOT IN": lambda held, asked: held not in asked.split(","),
    "ISEMPTY": lambda held, _: not held,
    "ISNOTEMPTY": lambda held, _: bool(held),
    ">": lambda held, asked: compare(held, asked) > 0,
    ">=": lambda held, asked: compare(held, asked) >= 0,
    "<": lambda held, asked: compare(held, asked) < 0,
    "<=": lambda held, asked: compare(held, asked) <= 0,
}


@dataclass(frozen=True, slots=True)
class Condition:
    column: str
    operator: str
    value: str

    def holds(self, row: Row) -> bool:
        return _TESTS[self.operator](row.get(self.column, "").casefold(), self.value.casefold())


@dataclass(slots=True)
class EncodedQuery:
    """Clauses of groups of conditions: one clause must hold; in it every group; in a group one condition."""

    clauses: list[list[list[Condition]]] = field(default_factory=lambda: [[]])
    order: list[tuple[str, bool]] = field(default_factory=list)
    dropped: list[str] = field(default_factory=list)

    def matches(self, row: Row) -> bool:
        return any(
            all(any(condition.holds(row) for condition in group) for group in clause)
            for clause in self.clauses
        )

    def sort(self, rows: list[Row]) -> list[Row]:
        """By the order columns, the first one first; (column, True) is descending."""
        for column, descending in reversed(self.order):
            rows = sorted(rows, key=_by(column), reverse=descending)
        return rows

    def pinned(self, column: str) -> list[str] | None:
        """The only values of a column that can match, if the query names them; None if it doesn't."""
        if len(self.clauses) != 1:
            return None
        for group in self.clauses[0]:
            if len(group) == 1 and group[0].column == column and group[0].operator in {"=", "IN"}:
                return group[0].value.split(",")
        return None


def parse(text: str, is_column: Callable[[str], bool]) -> EncodedQuery:
    """Read an encoded query; what isn't understood lands in `dropped`."""
    query = EncodedQuery()
    for part in _SEPARATOR.split(text):
        _take(query, part.replace("^^", "^"), is_column)
    return query


def _take(query: EncodedQuery, part: str, is_column: Callable[[str], bool]) -> None:
    if part in {"", "EQ"}:  # EQ ends a condition built in the instance's user interface
        return
    if part.startswith("ORDERBY"):
        _take_order(query, part, is_column)
    elif part.startswith("NQ"):
        query.clauses.append([])
        _take(query, part.removeprefix("NQ"), is_column)
    else:
        _take_condition(query, part, is_column)


def _take_order(query: EncodedQuery, part: str, is_column: Callable[[str], bool]) -> None:
    descending = part.startswith("ORDERBYDESC")
    column = part.removeprefix("ORDERBYDESC" if descending else "ORDERBY")
    if is_column(column):
        query.order.append((column, descending))
    else:
        query.dropped.append(part)


def _take_condition(query: EncodedQuery, part: str, is_column: Callable[[str], bool]) -> None:
    is_alternative = part.startswith("OR")
    found = _PART.fullmatch(part.removeprefix("OR"))
    if found is None or not is_column(found["column"]):
        query.dropped.append(part)
        return
    condition = Condition(found["column"], found["operator"], found["value"])
    clause = query.clauses[-1]
    if is_alternative and clause:
        clause[-1].append(condition)
    else:
        clause.append([condition])


def compare(left: str, right: str) -> int:
    """Negative, zero or positive; as numbers where both are, as text otherwise (dates compare as text)."""
    if left.isdecimal() and right.isdecimal():
        return int(left) - int(right)
    return (left > right) - (left < right)


_sort_key = cmp_to_key(compare)


def _by(column: str) -> Callable[[Row], Any]:
    return lambda row: _sort_key(row.get(column, ""))
