"""Which schema this program needs, told without Alembic: whoever only opens the store needn't load it."""

from __future__ import annotations

from pathlib import Path

MIGRATIONS = Path(__file__).parent / "migrations"


def head() -> str:
    """The newest revision: files are called `<revision>_<slug>.py`, in the order they follow one another."""
    return max(path.name.partition("_")[0] for path in (MIGRATIONS / "versions").glob("[0-9]*_*.py"))
