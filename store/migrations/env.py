"""Alembic's entry: runs the revisions on the connection that `store/migrate.py` hands over, in one transaction."""

from __future__ import annotations

from alembic import context

from store.schema import metadata

context.configure(connection=context.config.attributes["connection"], target_metadata=metadata)
with context.begin_transaction():
    context.run_migrations()
