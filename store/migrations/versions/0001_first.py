"""The first schema, in PostgreSQL's own words beside this file."""

from __future__ import annotations

from pathlib import Path

from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    script = Path(__file__).with_suffix(".sql").read_text(encoding="utf-8")
    # By the driver itself: only a statement without parameters may hold several commands.
    op.get_bind().connection.cursor().execute(script)
