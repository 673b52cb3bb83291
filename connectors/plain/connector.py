"""Connector to any system with the plain JSON API (described in `lab/systems/plain/system.py`).

Its capabilities are read once from `GET /capabilities`, before the first request that depends on them and at each
`probe`; settings overrule them.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
from pydantic import JsonValue

from connectors.base import ChangePage, ClockReading, Connector, WriteResult
from connectors.cursors import open_cursor, seal_cursor
from connectors.gate import Gate
from connectors.http import HttpConnection, Reply, open_http, path_of
from connectors.plain.feed import Round
from connectors.plain.records import KINDS, Changed, Delivery, Feed, History, Record, Records
from connectors.plain.settings import PlainSettings, Switches
from connectors.refusals import Aim, Dialect
from connectors.scopes import is_within, parse_scope
from connectors.settings import read_settings
from connectors.signatures import is_timely_and_signed
from domain.description import Description
from domain.records import ChangeNotice, FieldVersion, RecordRef, Snapshot

UNKNOWN = timedelta(seconds=2)
"""Uncertainty of a clock that was never compared: an answer's round trip and its whole seconds, generously."""
LATEST = datetime.max.replace(tzinfo=UTC)
READ_AT_ONCE = 100
"""Records asked for in one request."""


def explain(body: JsonValue) -> str:
    """`error.message`."""
    error = body.get("error") if isinstance(body, dict) else None
    return str(error.get("message", "")) if isinstance(error, dict) else str(body)


def culprits(body: JsonValue) -> dict[str, str]:
    """`error.field`, the one that is blamed, and why."""
    error = body.get("error") if isinstance(body, dict) else None
    named = error.get("field") if isinstance(error, dict) else None
    return {str(named): explain(body)} if named else {}


DIALECT = Dialect("Plain system", explain=explain, culprits=culprits)


class PlainConnector(Connector):
    """Reads and writes one plain system."""

    system = "Plain"

    def __init__(self, connection: str, settings: PlainSettings, http: HttpConnection) -> None:
        super().__init__(connection, Switches().overruled_by(settings).capabilities())
        self._settings = settings
        self._http = http
        self._switches: Switches | None = None
        self._learning = asyncio.Lock()

    # ------------------------------------------------------------------------------------------------- reading
    async def read(self, ref: RecordRef) -> Snapshot:
        await self._known_switches()
        reply = await self._http.call("GET", self._path(ref), aim=Aim.READ, ref=ref)
        return self._snapshot(ref.record_type, reply.read_as(Record))

    async def read_many(self, refs: Sequence[RecordRef]) -> dict[str, Snapshot]:
        by_type: dict[str, list[str]] = {}
        for ref in refs:
            by_type.setdefault(ref.record_type, []).append(ref.id)
        snapshots: dict[str, Snapshot] = {}
        for record_type, ids in by_type.items():
            for start in range(0, len(ids), READ_AT_ONCE):
                snapshots |= await self._read_some(record_type, ids[start : start + READ_AT_ONCE])
        return snapshots

    async def find(
        self, record_type: str, equals: Mapping[str, JsonValue], *, scope: str | None = None, limit: int = 10
    ) -> list[Snapshot]:
        query = {**parse_scope(scope), **equals, "limit": limit}
        path = path_of("records", record_type, "search")
        reply = await self._http.call("POST", path, aim=Aim.QUERY, body=query)
        return [self._snapshot(record_type, record) for record in reply.read_as(Records).records]

    async def find_marked(self, record_type: str, marker: str) -> list[Snapshot]:
        return await self.find(record_type, {self._settings.marker_field: marker})

    async def list_changes(
        self, record_type: str, *, scope: str | None, cursor: str | None, limit: int = 100
    ) -> ChangePage:
        switches, bounds = await self._known_switches(), parse_scope(scope)
        query = {"type": record_type, "scope": scope, "by": switches.feed}
        position = open_cursor(cursor, query) if cursor else None
        if switches.feed == "stamps":
            now = Round.model_validate(position or {})
            feed = await self._feed(record_type, now.asked, limit)
            back = self._look_back_span(switches)
            settled = LATEST if switches.version_exact else self._system_time() - back
            news, following = now.news(feed.records), now.after(feed, back, settled).as_json()
        else:
            feed = await self._feed(record_type, {"since": str(position or 0)}, limit)
            news, following = feed.records, feed.cursor
        within = await self._within(record_type, news, bounds) if bounds else news
        notices = [self._notice(record_type, changed) for changed in within]
        return ChangePage(notices, seal_cursor(query, following), feed.more)

    async def _feed(self, record_type: str, asked: Mapping[str, str], limit: int) -> Feed:
        path = path_of("records", record_type, "changes")
        reply = await self._http.call("GET", path, aim=Aim.QUERY, params={**asked, "limit": limit})
        return reply.read_as(Feed)

    def _system_time(self) -> datetime:
        return datetime.now(UTC) + (self.clock.offset if self.clock else timedelta(0))

    def _look_back_span(self, switches: Switches) -> timedelta:
        """How far behind the newest stamp a change may still come to light."""
        reading = self.clock
        uncertainty = reading.uncertainty if reading else UNKNOWN
        return switches.granularity + switches.feed_step + switches.search_lag + uncertainty

    def lies_within(self, snapshot: Snapshot, scope: str) -> bool | None:
        return is_within(snapshot.fields, parse_scope(scope))

    async def history(self, ref: RecordRef, since: Snapshot | None = None) -> list[FieldVersion]:
        if not (await self._known_switches()).history:
            return []
        after = since.sequence or 0 if since else 0
        path, query = f"{self._path(ref)}/history", {"since_version": after}
        reply = await self._http.call("GET", path, aim=Aim.READ, ref=ref, params=query)
        changes = [change.field_version(self._is_ours) for change in reply.read_as(History).changes]
        return changes if after or since is None else _not_before(since, changes)

    async def allowed_values(self, ref: RecordRef | str, field: str) -> list[JsonValue] | None:
        return (await self._allowed(ref if isinstance(ref, str) else ref.record_type)).get(field)

    async def describe(self, record_type: str, listed: Collection[str]) -> Description:
        """Any field may be written: there is no schema."""
        allowed = await self._allowed(record_type)
        return Description(allowed={name: tuple(allowed[name]) for name in listed if name in allowed})

    async def _allowed(self, record_type: str) -> dict[str, list[JsonValue]]:
        reply = await self._http.call("GET", path_of("records", record_type, "allowed"), aim=Aim.QUERY)
        return reply.read_as(dict[str, list[JsonValue]])

    # ------------------------------------------------------------------------------------------------- writing
    async def create(
        self, record_type: str, fields: Mapping[str, JsonValue], *, marker: str, scope: str | None = None
    ) -> Snapshot:
        """Create a record, once per marker: it is the idempotency key too. `scope` chooses nothing here."""
        del scope
        body = {"fields": {**fields, self._settings.marker_field: marker}, "marker": marker}
        reply = await self._http.call(
            "POST",
            path_of("records", record_type),
            aim=Aim.CREATE,
            body=body,
            headers={"Idempotency-Key": marker},
        )
        return self._snapshot(record_type, reply.read_as(Record))

    async def update(
        self, expected: Snapshot, fields: Mapping[str, JsonValue], *, marker: str
    ) -> WriteResult:
        await self._known_switches()
        ref = expected.ref
        reply = await self._http.call(
            "PATCH",
            self._path(ref),
            aim=Aim.WRITE,
            ref=ref,
            body={"fields": dict(fields), "marker": marker},
            headers={"If-Match": f'"{expected.version}"'} if self.capabilities.compare_and_set else None,
        )
        if reply.body is None:
            return await self._look_back(expected, marker, reply)
        record = reply.read_as(Record)
        shown = self._snapshot(ref.record_type, record)
        by_us = None if self._settings.user is None else self._is_ours(shown.modified_by, None)
        return _result(record.token(), record.fields, shown, reply, by_us=by_us)

    async def delete(self, expected: Snapshot) -> None:
        await self._http.call("DELETE", self._path(expected.ref), aim=Aim.WRITE, ref=expected.ref)

    async def set_marker(self, ref: RecordRef, marker: str) -> None:
        body = {"fields": {self._settings.marker_field: marker}, "marker": marker}
        await self._http.call("PATCH", self._path(ref), aim=Aim.WRITE, ref=ref, body=body)

    # ------------------------------------------------------------------------------------------------- hearing
    def verify_webhook(self, headers: Mapping[str, str], body: bytes, *, now: datetime) -> bool:
        return is_timely_and_signed(
            body,
            timestamp=headers.get("x-plain-timestamp", ""),
            signature=headers.get("x-plain-signature", ""),
            secrets=self._settings.webhook_secrets,
            now=now,
        )

    def parse_webhook(self, headers: Mapping[str, str], body: bytes, *, now: datetime) -> list[ChangeNotice]:
        del headers
        told = Delivery.model_validate_json(body)
        if told.event not in KINDS:
            return []
        ref, kind = self._ref(told.type, told.id), KINDS[told.event]
        return [
            ChangeNotice(
                ref=ref,
                source="webhook",
                kind=kind,
                version=self._exact(told.version),
                delivery_id=told.delivery_id,
                observed_at=now,
            )
        ]

    def webhook_steps(self, url: str) -> tuple[str, ...]:
        return (
            f"Have the system POST `{{delivery_id, event, type, id, version}}` as JSON to {url} after each change.",
            (
                "Sign it: `X-Plain-Timestamp: <seconds since 1970>` and `X-Plain-Signature: sha256=<hex HMAC-SHA256 of "
                '"<timestamp>.<body>">`, with the secret that stands in webhook_secrets.'
            ),
        )

    # ---------------------------------------------------------------------------------------------- connection
    @property
    def clock(self) -> ClockReading | None:
        return self._http.clock.best

    def guard(self, gate: Gate) -> None:
        self._http.gate = gate

    async def probe(self) -> ClockReading:
        await self._learn(Aim.PROBE)
        return self._http.reading()

    async def aclose(self) -> None:
        await self._http.aclose()

    # --------------------------------------------------------------------------------------------- capabilities
    async def _known_switches(self) -> Switches:
        async with self._learning:
            return self._switches or await self._learn(Aim.QUERY)

    async def _learn(self, aim: Aim) -> Switches:
        reply = await self._http.call("GET", "/capabilities", aim=aim)
        switches = reply.read_as(Switches).overruled_by(self._settings)
        self._switches, self.capabilities = switches, switches.capabilities()
        return switches

    # ----------------------------------------------------------------------------------------------- in between
    async def _look_back(self, expected: Snapshot, marker: str, reply: Reply) -> WriteResult:
        """What a write left that wasn't told in its answer.

        A read alone could show somebody's later edit as ours. So our own save is looked up in the history by its
        marker, and the read counts only if that save is still the record's last. Otherwise nothing is claimed.
        """
        after = await self.read(expected.ref)
        ours = await self._find_save(expected, marker)
        if ours is None:
            return WriteResult(version=expected.version, fields=None, request=_request(reply))
        return _result(ours, after.fields if after.version == ours else None, after, reply, by_us=True)

    async def _find_save(self, expected: Snapshot, marker: str) -> str | None:
        """The version that our write gave; None if the history doesn't tell."""
        if not self.capabilities.change_history:
            return None
        path, query = f"{self._path(expected.ref)}/history", {"since_version": expected.sequence or 0}
        reply = await self._http.call("GET", path, aim=Aim.READ, ref=expected.ref, params=query)
        ours = [change for change in reply.read_as(History).changes if change.marker == marker]
        return ours[-1].version if ours else None

    async def _read_some(self, record_type: str, ids: Sequence[str]) -> dict[str, Snapshot]:
        path = path_of("records", record_type, "read")
        reply = await self._http.call("POST", path, aim=Aim.QUERY, body={"ids": list(ids)})
        return {record.id: self._snapshot(record_type, record) for record in reply.read_as(Records).records}

    async def _within(
        self, record_type: str, feed: Sequence[Changed], scope: Mapping[str, str]
    ) -> list[Changed]:
        """Those in the scope; deletions always, as nothing more can be asked of them."""
        refs = [self._ref(record_type, changed.id) for changed in feed if not changed.deleted]
        seen = await self.read_many(refs)
        inside = {record_id for record_id, snapshot in seen.items() if is_within(snapshot.fields, scope)}
        return [changed for changed in feed if changed.deleted or changed.id in inside]

    def _is_ours(self, by: str | None, marker: str | None) -> bool:
        return marker is not None or (by is not None and by == self._settings.user)

    def _ref(self, record_type: str, record_id: str) -> RecordRef:
        return RecordRef(connection=self.connection, record_type=record_type, id=record_id)

    def _path(self, ref: RecordRef) -> str:
        return path_of("records", ref.record_type, ref.id)

    def _snapshot(self, record_type: str, record: Record) -> Snapshot:
        marker, merged = self._settings.marker_field, self._settings.merged_field
        return record.snapshot(self.connection, record_type, self._is_ours, marker=marker, merged=merged)

    def _notice(self, record_type: str, changed: Changed) -> ChangeNotice:
        return ChangeNotice(
            ref=self._ref(record_type, changed.id),
            source="poll",
            kind="deleted" if changed.deleted else "changed",
            version=self._exact(changed.version),
        )

    def _exact(self, version: str | None) -> str | None:
        """The version that a notice tells, if it is of the kind that snapshots carry."""
        return version if self.capabilities.sequence else None


def _not_before(since: Snapshot, changes: list[FieldVersion]) -> list[FieldVersion]:
    """Without a counter, changes from the snapshot's own stamp on: one may repeat, none is missed."""
    at = since.modified_at
    return [change for change in changes if at is None or change.at is None or change.at >= at]


def _request(reply: Reply) -> dict[str, JsonValue]:
    return {"method": reply.call.method, "path": reply.call.path}


def _result(
    version: str, fields: Mapping[str, JsonValue] | None, shown: Snapshot, reply: Reply, *, by_us: bool | None
) -> WriteResult:
    """`shown` lends its counter and stamp only if it is the record at that very version."""
    is_exact = shown.version == version
    return WriteResult(
        version=version,
        fields=fields,
        sequence=shown.sequence if is_exact else None,
        modified_at=shown.modified_at if is_exact else None,
        by_us=by_us,
        request=_request(reply),
    )


def build(
    name: str, settings: Mapping[str, Any], *, transport: httpx.AsyncBaseTransport | None = None
) -> PlainConnector:
    """Open a connection; nothing is sent yet.

    Raises:
        ConfigError: A setting is wrong or missing.
    """
    read = read_settings(PlainSettings, name, settings)
    token = read.token.get_secret_value()
    http = open_http(
        DIALECT, read, headers={"Authorization": f"Bearer {token}"}, secrets=[token], transport=transport
    )
    return PlainConnector(name, read, http)
