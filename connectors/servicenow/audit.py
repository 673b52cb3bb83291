"""What `sys_audit` and `sys_audit_delete` tell of a record's past.

Both are huge: every query names one record. Only audited tables have rows, and the account must be allowed to read
them. `record_checkpoint` is taken to equal `sys_mod_count` only within the second of a snapshot, where stamps can't
tell before from after.

Source: ServiceNow knowledge base KB0634666; the meaning of `record_checkpoint` is unverified on an instance.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field

from connectors.servicenow.encoded_query import join, may_equal
from connectors.servicenow.rows import Row
from connectors.servicenow.table_api import TableApi
from connectors.servicenow.values import from_wire, parse_time, spell_time
from domain.errors import StopIntegration
from domain.records import Evidence, FieldVersion, Gone, Origin, RecordRef, Snapshot

LIMIT = 1000
"""Rows of one record's history asked for at once."""
AUDIT_FIELDS = "fieldname,oldvalue,newvalue,user,sys_created_on,record_checkpoint"
DELETION_MARKS = {"DELETED", "RECOVERED"}


@dataclass(slots=True)
class Audit:
    api: TableApi
    user: str
    automations: Collection[str]
    _kept: dict[str, bool] = field(default_factory=dict)

    async def history(self, ref: RecordRef, since: Snapshot | None) -> list[FieldVersion]:
        """Changes after the snapshot, oldest first."""
        start = spell_time(since.modified_at) if since and since.modified_at else None
        rows = await self._rows(ref, f"sys_created_on>={start}" if start else "")
        later = [row for row in rows if since is None or is_after(row, since)]
        return [self._version(row) for row in sorted(later, key=_order)]

    async def is_kept(self, seen: Snapshot) -> bool | None:
        """Whether the record's table is audited and we may see it; None while no record with edits was met."""
        table = seen.ref.record_type
        if table not in self._kept and seen.sequence:
            query = may_equal("documentkey", seen.ref.id)
            self._kept[table] = bool(await self._look("sys_audit", query, "fieldname"))
        return self._kept.get(table)

    async def find_deletion(self, ref: RecordRef) -> Gone | None:
        """The tombstone, if the instance keeps one. Deletions by table cleaners leave none."""
        query = join(may_equal("tablename", ref.record_type), may_equal("documentkey", ref.id))
        rows = await self._look("sys_audit_delete", query, "sys_created_by,sys_created_on")
        if not rows:
            return None
        by, at = from_wire(rows[0].get("sys_created_by")), parse_time(rows[0].get("sys_created_on"))
        return Gone(ref=ref, evidence=Evidence.FLAG, by=str(by) if by else None, at=at)

    async def _look(self, table: str, query: str, fields: str) -> list[Row]:
        """One row, if there is any and we may see it: a table closed to us proves nothing."""
        try:
            return (await self.api.select(table, query, fields=fields, limit=1)).rows
        except StopIntegration:
            return []

    async def _rows(self, ref: RecordRef, condition: str) -> list[Row]:
        """All of them, by keyset on the row's own stamp and id, as rows are added while we read."""
        base = join(may_equal("tablename", ref.record_type), may_equal("documentkey", ref.id), condition)
        rows: list[Row] = []
        while True:
            after = f"sys_id>{rows[-1]['sys_id']}" if rows else ""
            page = await self.api.select(
                "sys_audit", join(base, after, "ORDERBYsys_id"), fields=f"sys_id,{AUDIT_FIELDS}", limit=LIMIT
            )
            rows += page.rows
            if not page.more:
                return [row for row in rows if row.get("fieldname") not in DELETION_MARKS]

    def _version(self, row: Row) -> FieldVersion:
        by = str(row.get("user") or "") or None
        return FieldVersion(
            field=str(row.get("fieldname")),
            value=from_wire(row.get("newvalue")),
            old=from_wire(row.get("oldvalue")),
            at=parse_time(row.get("sys_created_on")),
            by=by,
            origin=self._origin(by),
            sequence=checkpoint(row),
        )

    def _origin(self, by: str | None) -> Origin:
        if by is None:
            return Origin.UNKNOWN
        if by == self.user:
            return Origin.ACCORD
        return Origin.AUTOMATION if by in self.automations else Origin.PERSON


def checkpoint(row: Row) -> int | None:
    written = str(row.get("record_checkpoint") or "")
    return int(written) if written.isdigit() else None


def is_after(row: Row, since: Snapshot) -> bool:
    """Whether a row tells of a change that the snapshot doesn't show; a doubtful one counts as after."""
    at, count = parse_time(row.get("sys_created_on")), checkpoint(row)
    if at is None or since.modified_at is None or at > since.modified_at:
        return True
    return count is None or since.sequence is None or count > since.sequence


def _order(row: Row) -> tuple[str, int]:
    return str(row.get("sys_created_on")), checkpoint(row) or 0
