"""Connector to ServiceNow's Table API.

There is no compare-and-set: `sys_mod_count` rises by one per save, so a write's own answer proves whether somebody
came between, and `sys_audit` tells who and what.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any

import httpx
from pydantic import JsonValue

from connectors.base import ChangePage, ClockReading, Connector, WriteResult
from connectors.cursors import open_cursor, seal_cursor
from connectors.gate import Gate
from connectors.http import HttpConnection, open_http
from connectors.refusals import Aim
from connectors.servicenow.audit import Audit
from connectors.servicenow.auth import auth_of
from connectors.servicenow.dialect import DIALECT
from connectors.servicenow.dictionary import Dictionary
from connectors.servicenow.encoded_query import check_column, holds_plainly, is_any_of, join, may_equal
from connectors.servicenow.feed import Feed, Position
from connectors.servicenow.rows import Row, columns, count_of, snapshot_of, values_of, version_of
from connectors.servicenow.settings import ServiceNowSettings
from connectors.servicenow.table_api import TableApi, table_path
from connectors.servicenow.values import is_ignored, parse_time, to_wire
from connectors.servicenow.webhook import Delivery, webhook_steps
from connectors.settings import read_settings
from connectors.signatures import is_timely_and_signed
from domain.description import Description
from domain.errors import ConfigError, RecordGone, RecordHidden, RecordRejected
from domain.records import ChangeNotice, FieldVersion, RecordRef, Snapshot
from domain.values import same

READ_AT_ONCE = 50
"""Ids in one query: 33 characters each, in an address that may have about 2,000."""
CANDIDATES = 200
"""Rows fetched at least by `find`, as the instance compares more loosely than we do."""
SYS_ID = re.compile(r"[0-9a-f]{32}")
SYSTEM_USERS = "sys_user"


class ServiceNowConnector(Connector):
    """Reads and writes one instance, table by table: the record type is the table's name."""

    system = "ServiceNow"

    def __init__(self, connection: str, settings: ServiceNowSettings, http: HttpConnection) -> None:
        super().__init__(connection, settings.capabilities(is_audited=bool(settings.audited)))
        self._settings = settings
        self._http = http
        self._api = TableApi(http)
        self._dictionary = Dictionary(self._api)
        self._audit = Audit(self._api, settings.user, settings.automations)

    # ------------------------------------------------------------------------------------------------- reading
    async def read(self, ref: RecordRef) -> Snapshot:
        """The record now.

        A 404 hides deletions and access rules alike, so one more query looks for the tombstone.
        """
        try:
            row = await self._api.fetch(ref, self._columns(ref.record_type))
        except RecordHidden as hidden:
            if gone := await self._audit.find_deletion(ref):
                raise RecordGone(f"ServiceNow deleted {ref}", gone=gone) from hidden
            raise
        snapshot = self._snapshot(ref.record_type, row)
        await self._learn_audit(snapshot)
        return snapshot

    async def by_key(self, record_type: str, key: str) -> Snapshot | None:
        """By `number`; a sys_id is taken as well."""
        found = await self.find(record_type, {"number": key}, limit=1)
        return found[0] if found else await super().by_key(record_type, key)

    async def read_many(self, refs: Sequence[RecordRef]) -> dict[str, Snapshot]:
        by_table: dict[str, list[str]] = {}
        for ref in filter(_is_possible, refs):
            by_table.setdefault(ref.record_type, []).append(ref.id)
        snapshots: dict[str, Snapshot] = {}
        for table, ids in by_table.items():
            for start in range(0, len(ids), READ_AT_ONCE):
                snapshots |= await self._read_some(table, ids[start : start + READ_AT_ONCE])
        return snapshots

    async def find(
        self, record_type: str, equals: Mapping[str, JsonValue], *, scope: str | None = None, limit: int = 10
    ) -> list[Snapshot]:
        """Records whose columns equal these values exactly, though the instance itself ignores case.

        Raises:
            ConfigError: The scope is refused, or more records resemble these values than can be compared.
        """
        await self._check_columns(record_type, equals)
        conditions = [may_equal(name, value) for name, value in equals.items()]
        query = join(await self._dictionary.check_scope(record_type, scope), *conditions, "ORDERBYsys_id")
        wanted = max(limit, CANDIDATES)
        page = await self._api.select(
            record_type, query, fields=self._columns(record_type, equals), limit=wanted
        )
        hits = [row for row in page.rows if _holds(row, equals)]
        if page.more and len(hits) < limit:
            raise ConfigError(f"ServiceNow {record_type}: more than {wanted} records resemble {dict(equals)}")
        return [self._snapshot(record_type, row) for row in hits[:limit]]

    async def find_marked(self, record_type: str, marker: str) -> list[Snapshot]:
        return await self.find(record_type, {self._settings.marker_field: marker})

    def lies_within(self, snapshot: Snapshot, scope: str) -> bool | None:
        return holds_plainly(scope, snapshot.fields)

    async def is_in_scope(self, snapshot: Snapshot, scope: str) -> bool:
        if (told := self.lies_within(snapshot, scope)) is not None:
            return told
        own = {"sys_id": snapshot.ref.id}
        return bool(await self.find(snapshot.ref.record_type, own, scope=scope, limit=1))

    async def list_changes(
        self, record_type: str, *, scope: str | None, cursor: str | None, limit: int = 100
    ) -> ChangePage:
        checked = await self._dictionary.check_scope(record_type, scope)
        query = {"table": record_type, "scope": scope}
        position = Position.model_validate(open_cursor(cursor, query) if cursor else {})
        feed = Feed(self._api, record_type, checked, self._settings.overlap)
        page = await feed.page(position, limit)
        notices = [self._notice(record_type, row) for row in page.rows]
        return ChangePage(notices, seal_cursor(query, page.position.model_dump(mode="json")), page.more)

    async def history(self, ref: RecordRef, since: Snapshot | None = None) -> list[FieldVersion]:
        """From `sys_audit`; empty where the table isn't audited or the rows are hidden from us."""
        if not self.capabilities.change_history:
            return []
        return await self._audit.history(ref, since)

    async def allowed_values(self, ref: RecordRef | str, field: str) -> list[JsonValue] | None:
        table = ref if isinstance(ref, str) else ref.record_type
        choices = await self._dictionary.choices(table, field)
        return None if choices is None else list(choices)

    async def describe(self, record_type: str, listed: Collection[str]) -> Description:
        return await self._dictionary.describe(record_type, listed)

    # ------------------------------------------------------------------------------------------------- writing
    async def create(
        self, record_type: str, fields: Mapping[str, JsonValue], *, marker: str, scope: str | None = None
    ) -> Snapshot:
        """Insert a row that carries the marker as its correlation id. `scope` chooses nothing here."""
        del scope
        body = {name: to_wire(check_column(name), value) for name, value in fields.items()}
        body[self._settings.marker_field] = marker
        row = await self._api.insert(record_type, body, self._columns(record_type, body))
        return self._snapshot(record_type, row)

    async def update(
        self, expected: Snapshot, fields: Mapping[str, JsonValue], *, marker: str
    ) -> WriteResult:
        """Set these columns. Our writes are known by their user, so the marker isn't sent.

        Raises:
            RecordRejected: Refused; or a column kept its value in silence, as those do that the account may not write.
        """
        del marker
        ref = expected.ref
        body = {name: to_wire(check_column(name), value) for name, value in fields.items()}
        types = await self._dictionary.columns(ref.record_type)  # before the write: it may fail
        row = await self._api.patch(ref, body, columns(body))
        check_taken(expected, body, row, types)
        return WriteResult(
            version=version_of(row),
            fields=values_of({name: row[name] for name in body if name in row}),
            sequence=count_of(row),
            modified_at=parse_time(row.get("sys_updated_on")),
            by_us=row["sys_updated_by"] == self._settings.user if row.get("sys_updated_by") else None,
            request={"method": "PATCH", "path": table_path(ref.record_type, ref.id)},
        )

    async def delete(self, expected: Snapshot) -> None:
        await self._api.delete(expected.ref)

    async def set_marker(self, ref: RecordRef, marker: str) -> None:
        await self._api.patch(ref, {self._settings.marker_field: marker}, "sys_id")

    # ------------------------------------------------------------------------------------------------- hearing
    def verify_webhook(self, headers: Mapping[str, str], body: bytes, *, now: datetime) -> bool:
        return is_timely_and_signed(
            body,
            timestamp=headers.get("x-accord-timestamp", ""),
            signature=headers.get("x-accord-signature", ""),
            secrets=self._settings.webhook_secrets,
            now=now,
        )

    def parse_webhook(self, headers: Mapping[str, str], body: bytes, *, now: datetime) -> list[ChangeNotice]:
        del headers
        return Delivery.model_validate_json(body).notices(self.connection, now)

    def webhook_steps(self, url: str) -> tuple[str, ...]:
        return webhook_steps(url)

    # ---------------------------------------------------------------------------------------------- connection
    @property
    def clock(self) -> ClockReading | None:
        return self._http.clock.best

    def guard(self, gate: Gate) -> None:
        self._http.gate = gate

    async def probe(self) -> ClockReading:
        query = may_equal("user_name", self._settings.user)
        await self._api.select(SYSTEM_USERS, query, fields="sys_id", limit=1, aim=Aim.PROBE)
        return self._http.reading()

    async def aclose(self) -> None:
        await self._http.aclose()

    # ----------------------------------------------------------------------------------------------- in between
    async def _read_some(self, table: str, ids: Sequence[str]) -> dict[str, Snapshot]:
        query = is_any_of("sys_id", ids)
        page = await self._api.select(table, query, fields=self._columns(table), limit=len(ids))
        asked = set(ids)
        snapshots = (self._snapshot(table, row) for row in page.rows)
        return {snapshot.ref.id: snapshot for snapshot in snapshots if snapshot.ref.id in asked}

    async def _learn_audit(self, seen: Snapshot) -> None:
        if self._settings.audited is None:
            kept = await self._audit.is_kept(seen)
            self.capabilities = self._settings.capabilities(is_audited=bool(kept))

    async def _check_columns(self, table: str, names: Mapping[str, JsonValue]) -> None:
        """Refuse a column that isn't there: the condition on it would be dropped in silence."""
        unknown = set(names) - set(await self._dictionary.columns(table))
        if unknown:
            raise ConfigError(f"ServiceNow {table} has no column {', '.join(sorted(unknown))}")

    def _columns(self, table: str, also: Mapping[str, Any] | None = None) -> str | None:
        """`sysparm_fields` for a read of this table; every column, unless the settings name some."""
        wanted = self._settings.fields.get(table)
        always = [self._settings.marker_field, *filter(None, [self._settings.merged_field])]
        return columns(wanted and [*wanted, *always, *(also or ())])

    def _snapshot(self, table: str, row: Row) -> Snapshot:
        ref = RecordRef(connection=self.connection, record_type=table, id=str(row["sys_id"]))
        found = snapshot_of(row, ref, marker_field=self._settings.marker_field, instance=self._settings.url)
        merged = found.fields.get(self._settings.merged_field) if self._settings.merged_field else None
        return found.model_copy(update={"merged_into": merged}) if merged else found

    def _notice(self, table: str, row: Row) -> ChangeNotice:
        ref = RecordRef(connection=self.connection, record_type=table, id=str(row["sys_id"]))
        return ChangeNotice(ref=ref, source="poll", version=version_of(row))


def check_taken(expected: Snapshot, body: Mapping[str, str], row: Row, types: Mapping[str, str]) -> None:
    """Compare what a write left with what was asked.

    Raises:
        RecordRejected: Names the columns that kept their value, though another was sent.
    """
    ignored = {
        name: "kept its value in silence: may the account write it?"
        for name, asked in body.items()
        if not types.get(name, "").startswith("journal")  # reads back empty by design
        and is_ignored(asked, to_wire(name, expected.fields.get(name)), str(row.get(name, "")))
    }
    if ignored:
        raise RecordRejected(f"ServiceNow {expected.key} ignored {', '.join(ignored)}", fields=ignored)


def _is_possible(ref: RecordRef) -> bool:
    return SYS_ID.fullmatch(ref.id) is not None


def _holds(row: Row, wanted: Mapping[str, JsonValue]) -> bool:
    """Whether the row has exactly these values, as text."""
    values = values_of(row)
    return all(same(values.get(name), to_wire(name, value) or None) for name, value in wanted.items())


def build(
    name: str, settings: Mapping[str, Any], *, transport: httpx.AsyncBaseTransport | None = None
) -> ServiceNowConnector:
    """Open a connection; nothing is sent yet.

    Raises:
        ConfigError: A setting is wrong or missing.
    """
    read = read_settings(ServiceNowSettings, name, settings)
    secrets = [s.get_secret_value() for s in (read.password, read.client_secret) if s]
    http = open_http(DIALECT, read, auth=auth_of(read), secrets=secrets, transport=transport)
    return ServiceNowConnector(name, read, http)
