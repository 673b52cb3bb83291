"""A cursor says how far a query has been read, and belongs to that query alone.

Taking it up under another scope would skip whatever the new scope adds, in silence; so it carries a digest of its
query and is refused elsewhere.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from pydantic import JsonValue

from domain.errors import ForeignCursor
from domain.values import canonical, digest


def seal_cursor(query: Mapping[str, Any], position: JsonValue) -> str:
    """The cursor of this position in this query."""
    return canonical({"query": digest(query), "at": position})


def open_cursor(cursor: str, query: Mapping[str, Any]) -> JsonValue:
    """The position in this query.

    Raises:
        ForeignCursor: The cursor belongs to another query, or is none.
    """
    try:
        sealed = json.loads(cursor)
        belongs, position = sealed["query"] == digest(query), sealed["at"]
    except (ValueError, TypeError, KeyError) as error:
        raise ForeignCursor(f"not a cursor: {cursor[:80]!r}; start again without one") from error
    if not belongs:
        raise ForeignCursor(
            f"the cursor belongs to another query than {canonical(query)}; start again without one"
        )
    return position  # type: ignore[no-any-return] # JSON's own shape
