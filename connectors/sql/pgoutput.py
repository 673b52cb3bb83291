"""The messages of PostgreSQL's own output plugin, `pgoutput`, as far as they name rows.

One **transaction** of the log is Begin, changes, Commit; before the first change of a table comes its Relation, which
names table and columns. Values are in PostgreSQL's text form.

Source: PostgreSQL, "Logical Replication Message Formats", protocol version 1. Unknown messages are passed over, as
that page asks for.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from domain.errors import ConfigError

Row: TypeAlias = Mapping[str, str | None]
"""Column → text; columns that the message doesn't carry (an unchanged large value, all but the key) are left out."""


@dataclass(frozen=True, slots=True)
class Begin:
    commit_at: int
    """Where the log holds this transaction's commit record."""
    xid: int


@dataclass(frozen=True, slots=True)
class Commit:
    end: int
    """Where the log goes on after the commit record."""


@dataclass(frozen=True, slots=True)
class Change:
    """One row that was inserted, updated or deleted."""

    table: tuple[str, str]
    """(schema, name)"""
    kind: Literal["insert", "update", "delete"]
    old: Row | None
    """The replica identity before: of a deleted row, and of an updated one whose key was changed."""
    new: Row | None


Message: TypeAlias = Begin | Commit | Change


@dataclass(slots=True)
class Decoder:
    """Reads messages in their order; remembers the tables that were introduced."""

    _tables: dict[int, tuple[tuple[str, str], tuple[str, ...]]] = field(default_factory=dict)

    def read(self, data: bytes) -> Message | None:
        """The message; None for one that names no row.

        Raises:
            ConfigError: It isn't of this protocol: another server than PostgreSQL, or another version of the plugin.
        """
        cursor = Cursor(data)
        try:
            return self._read(cursor.byte(), cursor)
        except (ValueError, IndexError, KeyError) as error:
            raise ConfigError(f"the log holds a message that pgoutput doesn't send: {data[:1]!r}") from error

    def _read(self, kind: str, cursor: Cursor) -> Message | None:
        match kind:
            case "B":
                return _begin(cursor)
            case "C":
                return _commit(cursor)
            case "I" | "U" | "D":
                return self._change(kind, cursor)
            case "R":
                self._introduce(cursor)
        return None

    def _introduce(self, cursor: Cursor) -> None:
        number = cursor.unsigned()
        schema, name = cursor.text(), cursor.text()
        cursor.skip(1)  # the kind of replica identity
        self._tables[number] = (
            (schema or "pg_catalog", name),
            tuple(_column(cursor) for _ in range(cursor.short())),
        )

    def _change(self, kind: str, cursor: Cursor) -> Change:
        table, columns = self._tables[cursor.unsigned()]
        rows = {"O": None, "K": None, "N": None} | _rows(cursor, columns)
        names: dict[str, Literal["insert", "update", "delete"]] = {
            "I": "insert",
            "U": "update",
            "D": "delete",
        }
        return Change(table, names[kind], old=rows["K"] or rows["O"], new=rows["N"])


def _begin(cursor: Cursor) -> Begin:
    commit_at = cursor.long()
    cursor.skip(8)  # the time of the commit
    return Begin(commit_at, cursor.unsigned())


def _commit(cursor: Cursor) -> Commit:
    cursor.skip(1 + 8)  # flags, where the commit record begins
    return Commit(cursor.long())


def _column(cursor: Cursor) -> str:
    cursor.skip(1)  # whether it belongs to the key
    name = cursor.text()
    cursor.skip(4 + 4)  # type, modifier
    return name


def _rows(cursor: Cursor, columns: tuple[str, ...]) -> dict[str, Row | None]:
    """Tuples by their letter: O the whole old row, K its key, N the new row."""
    found: dict[str, Row | None] = {}
    while cursor.has_more():
        letter = cursor.byte()
        found[letter] = _row(cursor, columns)
    return found


def _row(cursor: Cursor, columns: tuple[str, ...]) -> Row:
    row: dict[str, str | None] = {}
    for name in columns[: cursor.short()]:
        kind = cursor.byte()
        if kind == "n":
            row[name] = None
        elif kind == "t":
            row[name] = cursor.sized()
    return row


@dataclass(slots=True)
class Cursor:
    """Takes one value after the other, all in network order."""

    data: bytes
    at: int = 0

    def has_more(self) -> bool:
        return self.at < len(self.data)

    def skip(self, length: int) -> None:
        self.at += length

    def byte(self) -> str:
        return self._take(1).decode()

    def short(self) -> int:
        return int(struct.unpack("!H", self._take(2))[0])

    def unsigned(self) -> int:
        return int(struct.unpack("!I", self._take(4))[0])

    def long(self) -> int:
        return int(struct.unpack("!Q", self._take(8))[0])

    def sized(self) -> str:
        return self._take(self.unsigned()).decode()

    def text(self) -> str:
        """Up to the zero byte."""
        end = self.data.index(0, self.at)
        taken = self.data[self.at : end].decode()
        self.at = end + 1
        return taken

    def _take(self, length: int) -> bytes:
        taken = self.data[self.at : self.at + length]
        if len(taken) != length:
            raise IndexError
        self.at += length
        return taken
