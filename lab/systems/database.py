"""One SQLite file per simulated system, so that its state survives a restart and SIGKILL.

WAL without fsync: a killed process loses nothing (the pages are the operating system's), a power cut may. One connection, one
thread, no await inside a transaction: requests can't interleave half-way through a save.
"""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

SCHEMA = """
PRAGMA journal_mode = WAL;
PRAGMA synchronous = OFF;
CREATE TABLE IF NOT EXISTS saves (
    n INTEGER PRIMARY KEY AUTOINCREMENT,
    record_type TEXT NOT NULL, id TEXT NOT NULL, key TEXT NOT NULL, version INTEGER NOT NULL, fields TEXT NOT NULL,
    deleted INTEGER NOT NULL, created_at REAL, created_by TEXT NOT NULL, modified_at REAL, modified_by TEXT NOT NULL,
    event TEXT NOT NULL, changes TEXT NOT NULL, origin TEXT NOT NULL, marker TEXT, at REAL NOT NULL, applied_at REAL NOT NULL,
    UNIQUE (record_type, id, version)
);
CREATE INDEX IF NOT EXISTS saves_by_key ON saves (record_type, key);
CREATE INDEX IF NOT EXISTS saves_by_stamp ON saves (record_type, modified_at);
CREATE TABLE IF NOT EXISTS heads (
    record_type TEXT NOT NULL, id TEXT NOT NULL, n INTEGER NOT NULL, PRIMARY KEY (record_type, id)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS heads_in_order ON heads (record_type, n);
CREATE TABLE IF NOT EXISTS counters (series TEXT PRIMARY KEY, last INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS idempotency (key TEXT PRIMARY KEY, id TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS settings (one INTEGER PRIMARY KEY CHECK (one = 1), body TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS subscriptions (id TEXT PRIMARY KEY, body TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS deliveries (
    id INTEGER PRIMARY KEY AUTOINCREMENT, delivery_id TEXT NOT NULL, subscription TEXT NOT NULL, save INTEGER NOT NULL,
    payload TEXT, altered TEXT, place INTEGER, due_at REAL NOT NULL, attempts INTEGER NOT NULL DEFAULT 0, failed INTEGER NOT NULL DEFAULT 0
);
"""


class Database:
    """A thin hold on the connection: statements by text (sqlite3 keeps them prepared) and nested transactions."""

    def __init__(self, path: Path | None) -> None:
        self._connection = sqlite3.connect(path or ":memory:", isolation_level=None, cached_statements=256)
        self._connection.executescript(SCHEMA)
        self._depth = 0

    def rows(self, statement: str, *values: Any) -> list[tuple[Any, ...]]:
        return self._connection.execute(statement, values).fetchall()

    def row(self, statement: str, *values: Any) -> tuple[Any, ...] | None:
        found: tuple[Any, ...] | None = self._connection.execute(statement, values).fetchone()
        return found

    def execute(self, statement: str, *values: Any) -> int:
        """Run one statement; the row id of an insert."""
        return self._connection.execute(statement, values).lastrowid or 0

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All or nothing; a transaction inside another joins it."""
        if self._depth == 0:
            self._connection.execute("BEGIN IMMEDIATE")
        self._depth += 1
        try:
            yield
        except BaseException:
            self._leave("ROLLBACK")
            raise
        self._leave("COMMIT")

    def _leave(self, ending: str) -> None:
        self._depth -= 1
        if self._depth == 0:
            self._connection.execute(ending)

    def close(self) -> None:
        self._connection.close()
