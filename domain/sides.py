"""The two sides of a pair, indexed, so that nothing is ever written twice."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Generic, TypeVar

T = TypeVar("T")
U = TypeVar("U")


class Side(StrEnum):
    """One end of a pair. People never see this word: they see the system's name."""

    A = "a"
    B = "b"

    @property
    def other(self) -> Side:
        return Side.B if self is Side.A else Side.A


SIDES = (Side.A, Side.B)


@dataclass(frozen=True, slots=True)
class Pair(Generic[T]):
    """One thing per side."""

    a: T
    b: T

    def __getitem__(self, side: Side) -> T:
        return self.a if side is Side.A else self.b

    def __iter__(self) -> Iterator[T]:
        yield self.a
        yield self.b

    @classmethod
    def of(cls, make: Callable[[Side], T]) -> Pair[T]:
        """Build both halves by one function of the side."""
        return cls(make(Side.A), make(Side.B))

    def map(self, change: Callable[[T], U]) -> Pair[U]:
        return Pair(change(self.a), change(self.b))

    def replace(self, side: Side, value: T) -> Pair[T]:
        """The same pair with one half exchanged."""
        return Pair(value, self.b) if side is Side.A else Pair(self.a, value)

    def swapped(self) -> Pair[T]:
        return Pair(self.b, self.a)
