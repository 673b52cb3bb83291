"""Comments lie in the issue's own `comments`, so that adding one is one save of the issue, which touches `updated`."""

from collections.abc import Callable
from typing import Any

from lab.systems.jira.site import Json


def with_new(
    kept: list[Json], written: Any, *, by: str, stamp: float | None, next_id: Callable[[], str]
) -> list[Json]:
    """The comments after some were written.

    Args:
        kept: Those that the issue has.
        written: A text, or comments as `edits.comment_of` reads them.
        by: The author's account id.
        stamp: The site's time.
        next_id: Gives ids that never repeat.
    """
    added = [{"body": written, "properties": {}, "public": True}] if isinstance(written, str) else written
    signed = {"author": by, "edited_by": by, "created": stamp, "updated": stamp}
    return kept + [{"id": next_id(), **comment, **signed} for comment in added]


def with_edited(
    kept: list[Json], comment_id: str, change: Json, *, by: str, stamp: float | None
) -> list[Json]:
    edited = {**change, "edited_by": by, "updated": stamp}
    return [comment | edited if comment["id"] == comment_id else comment for comment in kept]


def without(kept: list[Json], comment_id: str) -> list[Json]:
    return [comment for comment in kept if comment["id"] != comment_id]


def by_id(kept: list[Json], comment_id: str) -> Json | None:
    return next((comment for comment in kept if comment["id"] == comment_id), None)
