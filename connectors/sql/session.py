"""The pool of one connection, and its errors as ours."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta

from sqlalchemy import exc
from sqlalchemy.ext.asyncio import AsyncConnection, create_async_engine

from connectors.gate import OPEN, Gate
from connectors.refusals import Call
from connectors.sql.refusals import Complaint, build_error, busy
from connectors.sql.settings import SqlSettings
from domain.errors import SystemUnavailable

FOR_A_CONNECTION = timedelta(seconds=10)
IDLE_LIMIT = timedelta(minutes=1)
"""After which PostgreSQL ends a transaction of ours that does nothing: it would hold its locks for no one."""
MILLISECOND = timedelta(milliseconds=1)


class Session:
    """Opens transactions. Connects when first used, and again after a connection was lost."""

    def __init__(self, settings: SqlSettings) -> None:
        self.gate: Gate = OPEN
        self.engine = create_async_engine(
            settings.address,
            pool_size=settings.max_connections,
            max_overflow=0,
            pool_timeout=FOR_A_CONNECTION.total_seconds(),
            pool_pre_ping=True,
            connect_args={
                "options": _options(settings),
                "connect_timeout": max(2, round(settings.timeout.total_seconds())),
                "application_name": "accord",
            },
        )

    @asynccontextmanager
    async def begin(self, call: Call, *, isolation: str | None = None) -> AsyncIterator[AsyncConnection]:
        """One transaction, committed if the block ends well.

        Raises:
            SyncError: By the table of `refusals.py`. Nothing says whether a commit that was under way has succeeded.
        """
        await self.gate.enter(call.aim)
        try:
            async with self.engine.connect() as connection:
                if isolation is not None:
                    await connection.execution_options(isolation_level=isolation)
                async with connection.begin():
                    yield connection
        except exc.DBAPIError as error:
            said = build_error(Complaint.of(error), call)
            await self.gate.failed(call.aim, said)
            raise said from error
        except exc.TimeoutError as error:
            raise SystemUnavailable(busy(call, FOR_A_CONNECTION)) from error
        self.gate.answered()

    async def aclose(self) -> None:
        await self.engine.dispose()


def _options(settings: SqlSettings) -> str:
    return (
        "-c timezone=UTC"
        f" -c statement_timeout={settings.timeout // MILLISECOND}"
        f" -c idle_in_transaction_session_timeout={IDLE_LIMIT // MILLISECOND}"
    )
