"""Links of another product as a CSV file: a header with the columns `a` and `b`, a line per link, keys or ids.

`a` is the record on the declaration's first side. Read line by line: a file of any length takes as much memory as one.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from domain.errors import ConfigError
from domain.sides import Pair

COLUMNS = ("a", "b")


@dataclass(frozen=True, slots=True)
class LinkRow:
    """One line of the file."""

    line: int
    keys: Pair[str]
    problem: str = ""
    """What is wrong with the line by itself; empty if nothing is."""


def read_links(path: Path) -> Iterator[LinkRow]:
    """The file's lines in order; blank ones are passed over.

    Raises:
        ConfigError: It can't be read, is no UTF-8, or has other columns.
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            yield from _rows(path, file)
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise ConfigError(f"{path} can't be read as a CSV file in UTF-8: {error}") from error


def _rows(path: Path, file: Iterator[str]) -> Iterator[LinkRow]:
    reader = csv.reader(file)
    header = [name.strip().lower() for name in next(reader, [])]
    if sorted(header) != sorted(COLUMNS):
        found = ", ".join(header) or "none: it is empty"
        raise ConfigError(
            f"{path}: the first line must name the columns a and b and no others (found: {found})"
        )
    seen: dict[str, int] = {}
    for cells in reader:
        if any(cell.strip() for cell in cells):
            yield _row(reader.line_num, header, [cell.strip() for cell in cells], seen)


def _row(line: int, header: list[str], cells: list[str], seen: dict[str, int]) -> LinkRow:
    if len(cells) != len(header) or not all(cells):
        return LinkRow(line, Pair("", ""), f"expected 2 keys, found {', '.join(filter(None, cells))}")
    named = dict(zip(header, cells, strict=True))
    for side in COLUMNS:
        first = seen.setdefault(f"{side} {named[side].lower()}", line)
        if first != line:
            return LinkRow(line, Pair(named["a"], named["b"]), f"{named[side]} is in line {first} already")
    return LinkRow(line, Pair(named["a"], named["b"]))
