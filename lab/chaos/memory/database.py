"""A database whose transactions are copies that are thrown away or not."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractContextManager, asynccontextmanager
from datetime import datetime, timedelta
from typing import Any
from unittest.mock import patch

from pydantic import TypeAdapter

from lab.chaos.memory import aggregates, pairs, plans  # noqa: F401 - they know the answers
from lab.chaos.memory.tables import ANSWERS, Asked, Result, Tables
from store import work
from store.work import PairWork


def nobody_dies(where: str) -> None:
    """What happens at a commit, before a life begins and after it."""


class Reading:
    """Stands for the adapter that parses PostgreSQL's text of a pair's work: what is read already passes."""

    def __init__(self, adapter: TypeAdapter[PairWork]) -> None:
        self._adapter = adapter

    def validate_json(self, document: Any) -> PairWork:
        return document if isinstance(document, PairWork) else self._adapter.validate_json(document)


def read_already() -> AbstractContextManager[object]:
    """Let a pair's work pass that was read already, inside the block."""
    return patch.object(work, "ROW", Reading(work.ROW))


class MemoryTx:
    """What the store's functions use of an open transaction."""

    def __init__(self, tables: Tables, now: datetime) -> None:
        self._tables = tables
        self._now = now

    async def execute(self, statement: Any, given: Any = None) -> Result:
        """Answer a statement.

        Raises:
            KeyError: Nobody has said what this one means; say it beside its like.
        """
        answer = ANSWERS.get(id(statement))
        if answer is None:
            raise KeyError(f"the store in memory knows no answer to: {statement}")
        rows = given if isinstance(given, Sequence) else [given or {}]
        return Result(found for one in rows for found in answer(Asked(self._tables, one, self._now)))

    async def scalars(self, statement: Any, given: Any = None) -> Result:
        return await self.execute(statement, given)

    async def scalar(self, statement: Any, given: Any = None) -> Any:
        found = await self.execute(statement, given)
        return found[0] if found else None

    @asynccontextmanager
    async def begin_nested(self) -> AsyncIterator[None]:
        """Nothing here goes on after a failed statement."""
        yield


class MemoryDatabase:
    """Stands for `store.database.Database`, for one pair's life. One transaction at a time, so none can see another's."""

    at_commit: Callable[[str], None] = staticmethod(nobody_dies)

    def __init__(self, now: Callable[[], datetime]) -> None:
        self.tables = Tables()
        self._now = now
        self._transactions = 0

    def _later(self) -> datetime:
        """No two transactions begin at the same moment."""
        self._transactions += 1
        return self._now() + timedelta(microseconds=self._transactions)

    @asynccontextmanager
    async def begin(self) -> AsyncIterator[MemoryTx]:
        """One transaction; the process may die before and after its commit."""
        before = self.tables.copied()
        try:
            yield MemoryTx(self.tables, self._later())
            self.at_commit("before commit")
        except BaseException:
            self.tables = before
            raise
        self.at_commit("after commit")

    @asynccontextmanager
    async def alone(self) -> AsyncIterator[MemoryTx]:
        """Statements that are transactions by themselves."""
        yield MemoryTx(self.tables, self._later())
