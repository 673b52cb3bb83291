"""The protocol with one line broken on purpose: what a judge is worth that finds nothing in the whole one."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from unittest.mock import patch

import activities.races
import activities.writing
import domain.log_lines
from connectors.memory.connector import MemoryConnector
from domain.outcome import LogLine
from domain.settlement import Outlook
from store import baselines, conflicts, plans, snapshots


@dataclass(frozen=True, slots=True)
class Break:
    """One function that no longer does what it must."""

    says: str
    place: Any
    name: str
    instead: Callable[..., Any]


async def _nothing_found(*asked: Any, **more: Any) -> list[Any]:
    del asked, more
    return []


def _nothing_told(*asked: Any) -> list[Any]:
    del asked
    return []


def _always_send(*asked: Any) -> Outlook:
    del asked
    return Outlook.SEND


def _nobody_overruled(*asked: Any) -> tuple[()]:
    del asked
    return ()


def _all_new(lines: Sequence[LogLine], last: dict[str, tuple[int, LogLine]]) -> list[tuple[int, LogLine]]:
    return [(last.get(line.conflict_id, (0, line))[0] + 1, line) for line in lines]


def _let_pass(*asked: Any) -> None:
    del asked


_claim, _move = plans.claim, baselines.move


async def _claim_anyhow(tx: Any, step_id: int, holder: str, *, abandoned_after: timedelta) -> bool:
    del abandoned_after
    return await _claim(tx, step_id, holder, abandoned_after=timedelta(days=-1))


async def _move_anyhow(tx: Any, pair_id: str, moves: Any, *, expected: Any = None) -> None:
    del expected
    await _move(tx, pair_id, moves)


BREAKS = {
    "overtaken": Break("an overtaken plan goes on", activities.writing, "outlook_of", _always_send),
    "unnamed": Break("overruled values aren't named", domain.log_lines, "overruled", _nobody_overruled),
    "twice": Break("the same log line is appended again", conflicts, "_numbered", _all_new),
    "unseen": Break(
        "edits that a write hit aren't looked for", activities.writing, "edits_hit", _nothing_found
    ),
    "put-back": Break(
        "old values put back behind a lost answer aren't looked for",
        activities.races,
        "_taken_back",
        _nothing_told,
    ),
    "blind": Break("the system ignores its precondition", MemoryConnector, "_check_version", _let_pass),
    "unfenced": Break("a step may be claimed by everybody", plans, "claim", _claim_anyhow),
    "unheeded": Break("whoever looks may keep what they saw", snapshots, "fence", _nothing_found),
    "unrevised": Break("a baseline moves whatever it is by now", baselines, "move", _move_anyhow),
}


@contextmanager
def broken(name: str | None) -> Iterator[None]:
    """The engine with that line broken inside the block; whole, if None."""
    if name is None:
        yield
        return
    one = BREAKS[name]
    with patch.object(one.place, one.name, one.instead):
        yield
