"""Which columns PostgreSQL means when it refuses a row, where its complaint doesn't say so itself."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from pydantic import JsonValue
from sqlalchemy import select, text

from connectors.refusals import Aim, Call
from connectors.sql.refusals import Complaint
from connectors.sql.session import Session
from connectors.sql.statements import given
from connectors.sql.tables import QUOTE, RecordTable
from domain.errors import RecordRejected

OF_CONSTRAINT = text("""
    SELECT a.attname FROM pg_constraint c JOIN pg_attribute a ON a.attrelid = c.conrelid AND a.attnum = ANY (c.conkey)
    WHERE c.conname = :name AND c.conrelid = CAST(:table AS regclass)
""")


@dataclass(frozen=True, slots=True)
class Culprits:
    """Looks for the columns to blame, with requests that change nothing."""

    session: Session
    known: RecordTable

    async def find(self, complaint: Complaint, fields: Mapping[str, JsonValue]) -> dict[str, str]:
        """Column → reason, of those that were written; empty if none of them alone is to blame."""
        if complaint.state.startswith("22"):
            return await self._misfits(fields)
        blamed = {complaint.column} | await self._constrained(complaint.constraint)
        return {name: complaint.message for name in fields if name in blamed}

    async def _misfits(self, fields: Mapping[str, JsonValue]) -> dict[str, str]:
        tried = {name: await self._try({name: value}) for name, value in fields.items()}
        return {name: reason for name, reason in tried.items() if reason}

    async def _try(self, one: Mapping[str, JsonValue]) -> str:
        """Why the column's type doesn't take the value; empty if it does."""
        try:
            async with self.session.begin(self._call(Aim.WRITE)) as connection:
                await connection.execute(select(*given(self.known, one).c))
        except RecordRejected as error:
            return error.message
        return ""

    async def _constrained(self, constraint: str | None) -> set[str]:
        if constraint is None:
            return set()
        values = {"name": constraint, "table": QUOTE.format_table(self.known.table)}
        async with self.session.begin(self._call(Aim.QUERY)) as connection:
            return set(await connection.scalars(OF_CONSTRAINT, values))

    def _call(self, aim: Aim) -> Call:
        return Call("CHECK", self.known.record_type, aim)
