"""The rows of one small store. A row is a dict that is never changed, only replaced, so a copy of the tables is cheap."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields
from datetime import datetime
from typing import Any, TypeAlias, TypeVar, cast

T = TypeVar("T")


class Row(dict[str, Any]):
    """One row, and what it was once read as."""

    __slots__ = ("read",)
    read: Any


Rows: TypeAlias = dict[Any, Row]
Given: TypeAlias = Mapping[str, Any]


@dataclass(slots=True)
class Tables:
    """Every table by its primary key, in the order of insertion."""

    integrations: Rows = field(default_factory=dict)
    pairs: Rows = field(default_factory=dict)
    pair_ends: Rows = field(default_factory=dict)
    snapshots: Rows = field(default_factory=dict)
    field_versions: Rows = field(default_factory=dict)
    baselines: Rows = field(default_factory=dict)
    parked_units: Rows = field(default_factory=dict)
    losses: Rows = field(default_factory=dict)
    overwritten: Rows = field(default_factory=dict)
    plans: Rows = field(default_factory=dict)
    plan_steps: Rows = field(default_factory=dict)
    write_ledger: Rows = field(default_factory=dict)
    conflicts: Rows = field(default_factory=dict)
    reviews: Rows = field(default_factory=dict)
    decisions: Rows = field(default_factory=dict)
    alerts: Rows = field(default_factory=dict)
    audit: Rows = field(default_factory=dict)

    def copied(self) -> Tables:
        """As they are now, whatever happens to these."""
        return Tables(*(dict(getattr(self, name)) for name in NAMES))


NAMES = tuple(one.name for one in fields(Tables))


class Result(list[Any]):
    """Rows as SQLAlchemy hands them over."""

    def all(self) -> list[Any]:
        return self

    def one(self) -> Any:
        (row,) = self
        return row

    def one_or_none(self) -> Any:
        return self.one() if self else None

    def mappings(self) -> Iterator[Row]:
        return (row.named for row in self)


class Found:
    """One row: its columns by name and by place."""

    __slots__ = ("named",)

    def __init__(self, **named: Any) -> None:
        self.named = named

    def __getattr__(self, name: str) -> Any:
        try:
            return self.named[name]
        except KeyError:
            raise AttributeError(name) from None

    def __getitem__(self, place: int) -> Any:
        return tuple(self.named.values())[place]

    def __iter__(self) -> Iterator[Any]:
        return iter(self.named.values())


@dataclass(frozen=True, slots=True)
class Asked:
    """One statement that is to be answered."""

    tables: Tables
    given: Given
    now: datetime


Answer: TypeAlias = Callable[[Asked], Sequence[Any]]

ANSWERS: dict[int, Answer] = {}
"""By the identity of a statement of `store/`, each of which is built once."""


def answers(*statements: Any) -> Callable[[Answer], Answer]:
    """Make this function the answer to these statements. A row of one column is that column."""

    def remember(answer: Answer) -> Answer:
        ANSWERS.update({id(statement): answer for statement in statements})
        return answer

    return remember


def update(rows: Rows, key: Any, /, **changes: Any) -> None:
    rows[key] = Row(rows[key], **changes)


def add(rows: Rows, values: Given, key: str = "id") -> Row:
    """Insert under the next number."""
    number = len(rows) + 1
    rows[number] = row = Row({key: number}, **values)
    return row


def read(row: Row, reader: Callable[[Any], T], document: Callable[[Row], Any] = lambda row: row) -> T:
    """The row as the store's own adapter reads it. Both are immutable, so it is read once."""
    try:
        return cast("T", row.read)
    except AttributeError:
        row.read = found = reader(document(row))
        return found
