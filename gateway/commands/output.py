"""How answers leave: JSON for programs, tables and sentences for people."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from datetime import datetime

    from rich.console import Console
    from rich.table import Table

T = TypeVar("T")

PIPED_WIDTH = 200
"""Columns where nobody looks: a line that is cut can't be searched."""

COLOURS = {
    "in_sync": "green",
    "in_step": "green",
    "carried": "cyan",
    "adopted": "cyan",
    "decided": "cyan",
    "pending_review": "yellow",
    "pending": "yellow",
    "held": "magenta",
    "parked": "magenta",
    "partial": "magenta",
    "paused": "blue",
    "blocked": "blue",
    "unreachable": "red",
    "late": "yellow",
    "quarantined": "bold red",
    "braked": "bold red",
}


def give(answer: T, *, as_json: bool, show: Callable[[Console, T], None]) -> None:
    """Print the answer in the form that was asked for."""
    if as_json:
        print_json(answer)
    else:
        show(console(), answer)


def print_json(answer: Any) -> None:
    from pydantic_core import to_json

    sys.stdout.write(to_json(answer, indent=2).decode() + "\n")


def console() -> Console:
    from rich.console import Console

    return Console(width=None if sys.stdout.isatty() else PIPED_WIDTH, highlight=False)


def table(*columns: str, title: str | None = None) -> Table:
    """A plain table: no lines between rows, as much width as its texts need."""
    from rich import box
    from rich.table import Table

    made = Table(box=box.SIMPLE_HEAD, title=title, title_justify="left", pad_edge=False)
    for column in columns:
        made.add_column(column, overflow="fold")
    return made


def coloured(states: Iterable[str]) -> str:
    """States in their colours, as Rich markup."""
    return " ".join(f"[{COLOURS.get(state, 'white')}]{state}[/]" for state in states)


def literal(text: object) -> str:
    """Text from a system or a person: its brackets are no markup."""
    from rich.markup import escape

    return escape(str(text))


def moment(at: datetime | None) -> str:
    """`2026-11-24 05:51:58` UTC."""
    from datetime import UTC

    return "–" if at is None else at.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S")


def value_text(value: Any) -> str:
    """A value on one line, cut to a bounded length."""
    from activities.display import shown

    return literal("–" if value is None else shown(value))
