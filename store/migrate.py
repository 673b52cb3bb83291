"""Bring a database to this program's schema. Run once per deployment, before anything else: `python -m store.migrate`.

Blocking on purpose (Alembic is); call it through `asyncio.to_thread` where a loop runs.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from sqlalchemy import URL, Connection, NullPool, create_engine, exc, make_url, text

from domain.errors import SystemUnavailable
from store.months import MONTHS_AHEAD, OPEN_MONTHS
from store.revision import MIGRATIONS

ONE_AT_A_TIME = text("SELECT pg_advisory_lock(hashtext('accord: migrate'))")
"""Two deployments that start together would otherwise both create the same tables."""


def current(url: str) -> str | None:
    """The schema version that the database has; None if it was never migrated.

    Raises:
        SystemUnavailable: The database can't be reached.
    """
    with _connected(_with_driver(url)) as connection:
        return MigrationContext.configure(connection).get_current_revision()


def upgrade(url: str) -> None:
    """Create the database if it is missing (and the role may), then bring its schema to `head`. Safe to repeat.

    Also makes the months ahead, so that a deployment is enough to never run out of them.

    Raises:
        SystemUnavailable: The server can't be reached, or the database is missing and may not be created.
    """
    target = _with_driver(url)
    if not _reachable(target):
        _create(target)
    with _connected(target) as connection:
        connection.execute(ONE_AT_A_TIME)
        connection.commit()
        command.upgrade(_config(connection), "head")
        connection.execute(OPEN_MONTHS, {"ahead": MONTHS_AHEAD})
        connection.commit()


def _with_driver(url: str) -> URL:
    return make_url(url).set(drivername="postgresql+psycopg")


def _config(connection: Connection | None = None) -> Config:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    config.attributes["connection"] = connection
    return config


def _reachable(url: URL) -> bool:
    try:
        with _connected(url):
            return True
    except SystemUnavailable:
        return False


def _create(url: URL) -> None:
    """Create the database by way of `postgres`, the one that every server has."""
    with _connected(url.set(database="postgres"), isolation_level="AUTOCOMMIT") as connection:
        connection.execute(ONE_AT_A_TIME)
        name = connection.dialect.identifier_preparer.quote(url.database or "")
        if not connection.scalar(
            text("SELECT 1 FROM pg_database WHERE datname = :name"), {"name": url.database}
        ):
            connection.execute(text(f"CREATE DATABASE {name}"))


@contextmanager
def _connected(url: URL, isolation_level: str = "READ COMMITTED") -> Iterator[Connection]:
    engine = create_engine(url, poolclass=NullPool, isolation_level=isolation_level)
    try:
        with engine.connect() as connection:
            yield connection
    except exc.OperationalError as error:
        raise SystemUnavailable(
            f"database {url.render_as_string(hide_password=True)}: {' '.join(str(error.orig).split())}; "
            "start PostgreSQL, correct ACCORD_DATABASE_URL, or create the database yourself"
        ) from error


def main() -> None:
    url = os.environ.get("ACCORD_DATABASE_URL")
    if not url:
        sys.exit("migrate: ACCORD_DATABASE_URL: the URL of the database belongs here")
    try:
        upgrade(url)
    except SystemUnavailable as error:
        sys.exit(f"migrate: {error.message}")


if __name__ == "__main__":
    main()
