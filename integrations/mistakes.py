"""What is wrong with a declaration, where, and what to write instead."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from typing import TypeAlias

from domain.errors import ConfigError

Path: TypeAlias = tuple[str | int, ...]
"""Keys and list positions from the top of the file: `("fields", 3, "policy", 0)`."""


MOST_SHOWN = 30
"""Known names in one message; a record type may have hundreds of fields."""


@dataclass(frozen=True, slots=True, order=True)
class Mistake:
    """One mistake; lines and columns count from 1."""

    line: int
    column: int
    path: str
    message: str

    def __str__(self) -> str:
        return f"{self.line}:{self.column}: {self.path + ': ' if self.path else ''}{self.message}"


class DeclarationError(ConfigError):
    """A declaration can't be used. Lists every mistake that was found, in the order of the file."""

    def __init__(self, origin: str, mistakes: Sequence[Mistake]) -> None:
        self.origin = origin or "declaration"
        self.mistakes = tuple(sorted(set(mistakes)))
        lines = [f"{self.origin}:{mistake}" for mistake in self.mistakes]
        super().__init__("\n".join(lines), origin=self.origin, mistakes=lines)


def spelled(path: Path) -> str:
    """A path as people write it: `fields[3].policy[0]`."""
    text = ""
    for step in path:
        text += f"[{step}]" if isinstance(step, int) else f".{step}" if text else step
    return text


def suggestion(written: object, known: Sequence[str]) -> str:
    """A near match of a typo, and what would have been right."""
    near = get_close_matches(str(written), known, n=1)
    hint = f"did you mean `{near[0]}`? " if near else ""
    more = f" and {len(known) - MOST_SHOWN} more" if len(known) > MOST_SHOWN else ""
    return f"{hint}known here: {', '.join(known[:MOST_SHOWN])}{more}"
