"""Page one side of an integration: the records in its scope, in as few requests as the system allows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from connectors.base import Connector
from domain.integration import End
from domain.records import Snapshot


@dataclass(frozen=True, slots=True)
class ListedPage:
    """Some records as they stand now, and where the list goes on."""

    records: Sequence[Snapshot]
    cursor: str
    more: bool


async def list_page(connector: Connector, end: End, cursor: str | None, *, limit: int) -> ListedPage:
    """The records behind the cursor, each read; one that changes meanwhile is listed again, behind the others.

    Raises:
        ForeignCursor: The cursor belongs to another query.
    """
    page = await connector.list_changes(end.record_type, scope=end.scope, cursor=cursor, limit=limit)
    refs = {notice.ref.id: notice.ref for notice in page.notices if notice.kind != "deleted"}
    read = await connector.read_many(list(refs.values())) if refs else {}
    return ListedPage(list(read.values()), page.cursor, page.more)
