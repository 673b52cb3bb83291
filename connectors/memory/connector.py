"""A connector without HTTP, for fast tests of the engine: the same promises, each of which can be switched off.

Faults come by `interfere`, which is awaited before and after each operation: it may raise an error of
`domain/errors.py` (after a write that stands for a lost answer), edit the system as somebody who gets in between, or
simply wait until a scheduler lets it go on.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from datetime import datetime
from typing import Any, Literal, TypeAlias

import httpx
from pydantic import JsonValue

from connectors.base import ChangePage, ClockReading, Connector, WriteResult
from connectors.cursors import open_cursor, seal_cursor
from connectors.memory.settings import MemorySettings
from connectors.memory.system import Author, MemoryRecord, MemorySystem
from connectors.scopes import is_within, parse_scope
from connectors.settings import read_settings
from connectors.signatures import is_timely_and_signed
from domain.description import Description
from domain.errors import ConfigError, RecordGone, RecordHidden, RecordRejected, StaleVersion
from domain.records import ChangeNotice, Evidence, FieldVersion, Gone, Origin, RecordRef, Snapshot
from domain.values import same

Moment: TypeAlias = Literal["before", "after"]
Operation: TypeAlias = Literal["read", "search", "history", "create", "write", "delete", "probe"]
Interfere: TypeAlias = Callable[[Moment, Operation, str | None], Awaitable[None]]
"""(moment, operation, record id) → may raise, edit the system, or wait."""


async def leave_alone(moment: Moment, operation: Operation, record_id: str | None) -> None:
    """No faults."""


class MemoryConnector(Connector):
    """Reads and writes a `MemorySystem`."""

    system = "Memory"

    def __init__(
        self,
        connection: str,
        state: MemorySystem,
        settings: MemorySettings,
        *,
        interfere: Interfere = leave_alone,
    ) -> None:
        super().__init__(connection, settings.capabilities())
        self.state = state
        self.interfere = interfere
        self._settings = settings

    # ------------------------------------------------------------------------------------------------- reading
    async def read(self, ref: RecordRef) -> Snapshot:
        await self.interfere("before", "read", ref.id)
        snapshot = self._snapshot(self._living(ref))
        await self.interfere("after", "read", ref.id)
        return snapshot

    async def by_key(self, record_type: str, key: str) -> Snapshot | None:
        return await super().by_key(record_type, key.removeprefix(f"{record_type.upper()}-"))

    async def read_many(self, refs: Sequence[RecordRef]) -> dict[str, Snapshot]:
        await self.interfere("before", "read", None)
        found = (self.state.records.get(ref.id) for ref in refs)
        return {record.id: self._snapshot(record) for record in found if record and not record.deleted}

    async def find(
        self, record_type: str, equals: Mapping[str, JsonValue], *, scope: str | None = None, limit: int = 10
    ) -> list[Snapshot]:
        bounds = parse_scope(scope)
        found = [
            record
            for record in await self._search(record_type)
            if is_within(record.fields, bounds)
            and all(name in record.fields and same(record.fields[name], v) for name, v in equals.items())
        ]
        return [self._snapshot(record) for record in found[:limit]]

    async def find_marked(self, record_type: str, marker: str) -> list[Snapshot]:
        found = await self._search(record_type)
        return [self._snapshot(record) for record in found if record.marker == marker]

    async def list_changes(
        self, record_type: str, *, scope: str | None, cursor: str | None, limit: int = 100
    ) -> ChangePage:
        query, bounds = {"type": record_type, "scope": scope}, parse_scope(scope)
        since = int(str(open_cursor(cursor, query))) if cursor else 0
        await self.interfere("before", "search", None)
        feed = self.state.find(record_type, lag=self.capabilities.index_lag)
        rest = [record for record in feed if record.serial > since and is_within(record.fields, bounds)]
        page = rest[:limit]
        last = page[-1].serial if page else since
        return ChangePage(
            [self._notice(record) for record in page], seal_cursor(query, last), len(rest) > len(page)
        )

    def lies_within(self, snapshot: Snapshot, scope: str) -> bool | None:
        return is_within(snapshot.fields, parse_scope(scope))

    async def history(self, ref: RecordRef, since: Snapshot | None = None) -> list[FieldVersion]:
        if not self.capabilities.change_history:
            return []
        await self.interfere("before", "history", ref.id)
        after = since.sequence or 0 if since else 0
        return [entry for entry in self._living(ref).history if (entry.sequence or 0) > after]

    async def allowed_values(self, ref: RecordRef | str, field: str) -> list[JsonValue] | None:
        del ref
        return self._settings.allowed.get(field)

    async def describe(self, record_type: str, listed: Collection[str]) -> Description:
        del record_type
        allowed = self._settings.allowed
        return Description(allowed={name: tuple(allowed[name]) for name in listed if name in allowed})

    # ------------------------------------------------------------------------------------------------- writing
    async def create(
        self, record_type: str, fields: Mapping[str, JsonValue], *, marker: str, scope: str | None = None
    ) -> Snapshot:
        del scope
        await self.interfere("before", "create", None)
        self._check(fields)
        snapshot = self._snapshot(self.state.create(record_type, fields, self._ourselves, marker=marker))
        await self.interfere("after", "create", snapshot.ref.id)
        return snapshot

    async def update(
        self, expected: Snapshot, fields: Mapping[str, JsonValue], *, marker: str
    ) -> WriteResult:
        del marker  # the history's author tells our writes
        await self.interfere("before", "write", expected.ref.id)
        record = self._living(expected.ref)
        self._check_version(record, expected)
        self._check(fields)
        result = self._result(self.state.edit(record.id, fields, self._ourselves))
        await self.interfere("after", "write", record.id)
        return result

    async def delete(self, expected: Snapshot) -> None:
        await self.interfere("before", "delete", expected.ref.id)
        self.state.delete(self._living(expected.ref).id, self._ourselves)
        await self.interfere("after", "delete", expected.ref.id)

    async def set_marker(self, ref: RecordRef, marker: str) -> None:
        self.state.set_marker(self._living(ref).id, marker)

    # ------------------------------------------------------------------------------------------------- hearing
    def verify_webhook(self, headers: Mapping[str, str], body: bytes, *, now: datetime) -> bool:
        return is_timely_and_signed(
            body,
            timestamp=headers.get("x-memory-timestamp", ""),
            signature=headers.get("x-memory-signature", ""),
            secrets=self._settings.webhook_secrets,
            now=now,
        )

    def parse_webhook(self, headers: Mapping[str, str], body: bytes, *, now: datetime) -> list[ChangeNotice]:
        del headers
        notice = ChangeNotice.model_validate_json(body)
        ref = notice.ref.model_copy(update={"connection": self.connection})
        return [notice.model_copy(update={"ref": ref, "source": "webhook", "observed_at": now})]

    # ---------------------------------------------------------------------------------------------- connection
    @property
    def clock(self) -> ClockReading:
        return ClockReading(self.state.skew, self.state.granularity)

    async def probe(self) -> ClockReading:
        await self.interfere("before", "probe", None)
        return self.clock

    async def aclose(self) -> None:
        """Nothing is open."""

    # ----------------------------------------------------------------------------------------------- in between
    @property
    def _ourselves(self) -> Author:
        origin = Origin.ACCORD if self.capabilities.write_marker else Origin.UNKNOWN
        return Author(self._settings.user, origin)

    async def _search(self, record_type: str) -> list[MemoryRecord]:
        await self.interfere("before", "search", None)
        found = self.state.find(record_type, lag=self.capabilities.index_lag)
        return [record for record in found if not record.deleted]

    def _living(self, ref: RecordRef) -> MemoryRecord:
        record = self.state.records.get(ref.id)
        if record and not record.deleted:
            return record
        if record and self._settings.tells_deletions:
            gone = Gone(ref=ref, evidence=Evidence.FLAG, by=record.modified_by, at=record.modified_at)
            raise RecordGone(f"{self.connection} {record.key} was deleted", gone=gone)
        raise RecordHidden(f"{self.connection} has no {ref.record_type} {ref.id} that we may see")

    def _check_version(self, record: MemoryRecord, expected: Snapshot) -> None:
        if self.capabilities.compare_and_set and str(record.version) != expected.version:
            raise StaleVersion(f"{self.connection} {record.key} is at version {record.version}")

    def _check(self, fields: Mapping[str, JsonValue]) -> None:
        culprits = {name: reason for name, reason in self._settings.refused.items() if name in fields}
        culprits |= {
            name: f"{fields[name]!r} is not a valid value"
            for name, allowed in self._settings.allowed.items()
            if fields.get(name) is not None and fields[name] not in allowed
        }
        if culprits:
            raise RecordRejected(f"{self.connection} refused {', '.join(culprits)}", fields=culprits)

    def _ref(self, record: MemoryRecord) -> RecordRef:
        return RecordRef(connection=self.connection, record_type=record.record_type, id=record.id)

    def _snapshot(self, record: MemoryRecord) -> Snapshot:
        last = {entry.field: entry for entry in record.history} if self.capabilities.field_stamps else {}
        return Snapshot(
            ref=self._ref(record),
            key=record.key,
            fields=dict(record.fields),
            version=str(record.version),
            sequence=record.version,
            modified_at=record.modified_at,
            modified_by=record.modified_by,
            created_at=record.created_at,
            changes=last,
            marker=record.marker,
            merged_into=record.merged_into,
        )

    def _result(self, record: MemoryRecord) -> WriteResult:
        return WriteResult(
            version=str(record.version),
            fields=dict(record.fields) if self._settings.returns_record else None,
            sequence=record.version,
            modified_at=record.modified_at,
            by_us=record.modified_by == self._ourselves.by,
            request={"method": "edit", "path": f"/{record.record_type}/{record.id}"},
        )

    def _notice(self, record: MemoryRecord) -> ChangeNotice:
        kind: Literal["changed", "deleted"] = "deleted" if record.deleted else "changed"
        return ChangeNotice(ref=self._ref(record), source="poll", kind=kind, version=str(record.version))


def build(
    name: str, settings: Mapping[str, Any], *, transport: httpx.AsyncBaseTransport | None = None
) -> MemoryConnector:
    """Open a connection to a new, empty system of its own.

    Raises:
        ConfigError: A setting is wrong, or a transport is given: there is no HTTP here.
    """
    if transport is not None:
        raise ConfigError(f"connection {name}: an in-process system takes no HTTP transport")
    read = read_settings(MemorySettings, name, settings)
    return MemoryConnector(name, MemorySystem(skew=read.skew, granularity=read.granularity), read)
