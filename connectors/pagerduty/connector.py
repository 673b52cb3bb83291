"""PagerDuty incidents (REST API v2, webhooks v3).

What it can promise: no version, no precondition, no deletion. The log tells who changed what, save for some fields
(`log.UNLOGGED`); the answer to a write is the incident as that write left it. The correlation marker is the incident
key: it travels inside the create, makes it safe to repeat while the incident is open, and can be searched. An incident
that was linked, not created, can only carry it in a custom field, which PagerDuty can't search.

The only record type is `incident`. A scope names a service: `service=PIJ90N7`. Custom fields are `custom_fields.<name>`
and take a request of their own.

Source: PagerDuty REST API v2 and developer documentation, read 2026-11.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Collection, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
from pydantic import JsonValue

from connectors.base import Capabilities, ChangePage, ClockReading, Connector, WriteResult
from connectors.cursors import open_cursor, seal_cursor
from connectors.gate import Gate
from connectors.http import HttpConnection, open_http
from connectors.pagerduty import webhook
from connectors.pagerduty.api import PagerDutyApi, custom_path, incident_path
from connectors.pagerduty.dialect import PAGERDUTY
from connectors.pagerduty.incidents import (
    CLOSED,
    CUSTOM,
    FIELDS,
    RECORD_TYPE,
    Incident,
    snapshot_of,
    version_of,
)
from connectors.pagerduty.log import UNLOGGED, LogReader, not_shown
from connectors.pagerduty.polling import (
    News,
    Position,
    first_position,
    iso,
    listed_news,
    logged_news,
    read_position,
    seconds,
)
from connectors.pagerduty.searching import SCANNED, has_values, list_filters, may_equal, newest_incidents
from connectors.pagerduty.settings import PagerDutySettings
from connectors.pagerduty.subscriptions import PagerDutySubscriptions
from connectors.pagerduty.writing import (
    AT_CREATE,
    EDITABLE,
    custom_values,
    is_custom,
    refuse_others,
    shaped,
)
from connectors.refusals import Aim
from connectors.scopes import is_within, parse_scope
from connectors.settings import read_settings
from domain.description import Description, FieldFacts
from domain.errors import ConfigError, RecordHidden, RecordRejected
from domain.records import ChangeNotice, FieldVersion, RecordRef, Snapshot
from domain.values import same

ACCEPT = "application/vnd.pagerduty+json;version=2"


class PagerDutyConnector(Connector):
    """One account."""

    system = "PagerDuty"

    def __init__(self, connection: str, settings: PagerDutySettings, http: HttpConnection) -> None:
        super().__init__(connection, capabilities_of(settings))
        self.settings = settings
        self.http = http
        self.api = PagerDutyApi(http, settings.from_email)

    # ------------------------------------------------------------------------------------------------- reading
    async def read(self, ref: RecordRef) -> Snapshot:
        incident, custom = await asyncio.gather(self.api.incident(ref), self._custom(ref))
        return self._snapshot(incident, custom)

    async def by_key(self, record_type: str, key: str) -> Snapshot | None:
        """`#7`: the API takes the number in place of an id."""
        return await super().by_key(record_type, key.removeprefix("#"))

    async def read_many(self, refs: Sequence[RecordRef]) -> dict[str, Snapshot]:
        """One by one, since PagerDuty has no read of many; as many at once as the connection allows."""
        found = await asyncio.gather(*(self._read_visible(ref) for ref in refs))
        return {snapshot.ref.id: snapshot for snapshot in found if snapshot is not None}

    async def find(
        self, record_type: str, equals: Mapping[str, JsonValue], *, scope: str | None = None, limit: int = 10
    ) -> list[Snapshot]:
        """Incident key, status, urgency and service filter the list; for all else the newest 200 are looked through."""
        _check_type(record_type)
        bounds = _scope(scope)
        listed = [i for i in await newest_incidents(self.api, {**equals, **bounds}) if may_equal(i, equals)]
        snapshots = await self.read_many([self._ref(incident.id) for incident in listed])
        fitting = [s for s in snapshots.values() if has_values(s, equals) and has_values(s, bounds)]
        return fitting[:limit]

    async def find_marked(self, record_type: str, marker: str) -> list[Snapshot]:
        """By the incident key alone: no list can be filtered by a custom field."""
        return await self.find(record_type, {"incident_key": marker}, limit=SCANNED)

    def lies_within(self, snapshot: Snapshot, scope: str) -> bool | None:
        return is_within(snapshot.fields, _scope(scope))

    async def list_changes(
        self, record_type: str, *, scope: str | None, cursor: str | None, limit: int = 100
    ) -> ChangePage:
        """One page; see `polling.py`."""
        _check_type(record_type)
        query, now = {"record_type": record_type, "scope": scope}, await self._system_time()
        start = read_position(open_cursor(cursor, query)) if cursor else self._first_position(now)
        position = start.begun(now)
        found, following = await self._page(position, _scope(scope), limit)
        news, look_back = position.untold(found), self.settings.look_back
        reached = (following or position.next_round(look_back)).telling(news, look_back)
        notices = [self._notice(incident) for incident in dict.fromkeys(item.incident for item in news)]
        return ChangePage(notices, seal_cursor(query, reached.as_json()), more=following is not None)

    async def history(self, ref: RecordRef, since: Snapshot | None = None) -> list[FieldVersion]:
        stamp = since.modified_at if since else None
        entries = await self.api.log_of(ref, iso(seconds(stamp)) if stamp else None)
        names = {identity: name for name, identity in (await self.api.priorities()).items()}
        versions = LogReader(await self.api.own_user(), names).versions(entries)
        return not_shown(versions, since) if since else versions

    async def allowed_values(self, ref: RecordRef | str, field: str) -> list[JsonValue] | None:
        del ref  # The same everywhere in an account.
        if is_custom(field):
            known = {f"{CUSTOM}{custom.name}": custom for custom in await self.api.custom_fields()}
            return known[field].allowed() if field in known else None
        if field == "priority":
            return list(await self.api.priorities())
        return CLOSED.get(field)

    async def describe(self, record_type: str, listed: Collection[str]) -> Description:
        """Custom fields and priorities are the account's own; all else is the same in every account."""
        _check_type(record_type)
        custom = {f"{CUSTOM}{field.name}": field for field in await self.api.custom_fields()}
        limited = {name: field.allowed() for name, field in custom.items()} | CLOSED
        if "priority" in listed:
            limited["priority"] = list(await self.api.priorities_now())
        return Description(
            fields=dict.fromkeys(FIELDS, FieldFacts())
            | {name: FieldFacts(label=field.label, type=field.type) for name, field in custom.items()},
            allowed={name: tuple(values) for name in listed if (values := limited.get(name)) is not None},
        )

    # ------------------------------------------------------------------------------------------------- writing
    async def create(
        self, record_type: str, fields: Mapping[str, JsonValue], *, marker: str, scope: str | None = None
    ) -> Snapshot:
        """Create the incident under its key; if one with that key is open already, that one is taken.

        What a create can't carry (a status, custom fields) is set afterwards. Where that is refused, the snapshot
        shows it.
        """
        _check_type(record_type)
        body = await self._creation(fields, marker, _scope(scope))
        try:
            ref = self._ref(await self.api.create(body))
        except RecordRejected:
            if opened := await self._find_open(marker):
                return opened
            raise
        return await self._complete(await self.read(ref), fields, marker)

    async def update(
        self, expected: Snapshot, fields: Mapping[str, JsonValue], *, marker: str
    ) -> WriteResult:
        del marker  # Nothing in an edit can carry it; own writes are told by their actor.
        if any(is_custom(name) for name in fields):
            return await self._update_custom(expected, fields)
        refuse_others(fields, EDITABLE)
        incident = await self.api.edit(expected.ref, await self._shaped(fields))
        left, path = incident.natural(), incident_path(expected.ref)
        return _result(expected, left, incident.updated_at, path)

    def parts(self, fields: Mapping[str, JsonValue]) -> list[dict[str, JsonValue]]:
        """The incident's own fields first, then the custom ones."""
        own = {name: value for name, value in fields.items() if not is_custom(name)}
        custom = {name: value for name, value in fields.items() if is_custom(name)}
        return [part for part in (own, custom) if part]

    async def delete(self, expected: Snapshot) -> None:
        raise RecordRejected(f"PagerDuty {expected.ref}: incidents can't be deleted; resolve it instead")

    async def set_marker(self, ref: RecordRef, marker: str) -> None:
        """Needs the setting `marker_field`: an incident key can't be changed."""
        if self.settings.marker_field:
            await self.api.set_custom_values(ref, [{"name": self.settings.marker_field, "value": marker}])

    # ------------------------------------------------------------------------------------------------- hearing
    def verify_webhook(self, headers: Mapping[str, str], body: bytes, *, now: datetime) -> bool:
        del now  # PagerDuty signs no time: a replay is told by its event id.
        return webhook.verify(headers, body, self.settings.webhook_secrets)

    def parse_webhook(self, headers: Mapping[str, str], body: bytes, *, now: datetime) -> list[ChangeNotice]:
        del headers
        return webhook.parse(self.connection, body, now)

    @property
    def subscriptions(self) -> PagerDutySubscriptions:
        return PagerDutySubscriptions(self.http, self.settings.service)

    # ---------------------------------------------------------------------------------------------- connection
    @property
    def clock(self) -> ClockReading | None:
        return self.http.clock.best

    def guard(self, gate: Gate) -> None:
        self.http.gate = gate

    async def probe(self) -> ClockReading:
        await self.api.find_user(Aim.PROBE)
        return self.http.reading()

    async def aclose(self) -> None:
        await self.http.aclose()

    # ------------------------------------------------------------------------------------------ reading, within
    def _snapshot(self, incident: Incident, custom: Mapping[str, JsonValue]) -> Snapshot:
        told = incident.merged_into() if self.settings.merges else None
        found = snapshot_of(self.connection, incident, custom, self.settings.marker_field)
        return found.model_copy(update={"merged_into": told})

    async def _custom(self, ref: RecordRef) -> dict[str, JsonValue]:
        """The custom fields that the settings name."""
        wanted = self.settings.read_custom_fields
        values = await self.api.custom_values(ref) if wanted else {}
        return {name: value for name, value in values.items() if name in wanted}

    async def _read_visible(self, ref: RecordRef) -> Snapshot | None:
        try:
            return await self.read(ref)
        except RecordHidden:
            return None

    async def _page(
        self, position: Position, scope: Mapping[str, str], limit: int
    ) -> tuple[list[News], Position | None]:
        """What a page tells, and the position behind it within the round."""
        if position.half == "log":
            log = await self.api.log(position.log_query(), offset=position.offset, limit=limit)
            behind = position.following(len(log.log_entries), more=log.more)
            return logged_news(log.log_entries, scope.get("service")), behind
        query = position.list_query() | list_filters(scope)
        page = await self.api.incidents(query, offset=position.offset, limit=limit)
        return listed_news(position, page.incidents), position.following(len(page.incidents), more=page.more)

    def _notice(self, incident: str) -> ChangeNotice:
        return ChangeNotice(ref=self._ref(incident), source="poll", observed_at=datetime.now(UTC))

    def _ref(self, incident: str) -> RecordRef:
        return RecordRef(connection=self.connection, record_type=RECORD_TYPE, id=incident)

    def _first_position(self, now: datetime) -> Position:
        return first_position(now, self.settings.backfill)

    async def _system_time(self) -> datetime:
        """Windows of the log close by the system's own clock: one that ended in its future would hide what follows."""
        reading = self.clock or await self.probe()
        return datetime.now(UTC) + reading.offset

    # ------------------------------------------------------------------------------------------ writing, within
    async def _creation(
        self, fields: Mapping[str, JsonValue], marker: str, scope: Mapping[str, str]
    ) -> dict[str, JsonValue]:
        service = fields.get("service") or scope.get("service") or self.settings.service
        given = {n: v for n, v in fields.items() if n in AT_CREATE and v is not None} | {"service": service}
        missing = {n: "is required to create an incident" for n in ("title", "service") if not given.get(n)}
        if missing:
            raise RecordRejected(f"PagerDuty incident without {', '.join(missing)}", fields=missing)
        return {**await self._shaped(given), "incident_key": marker}

    async def _find_open(self, marker: str) -> Snapshot | None:
        marked = await self.find_marked(RECORD_TYPE, marker)
        return next((snapshot for snapshot in marked if snapshot.value("status") != "resolved"), None)

    async def _complete(self, snapshot: Snapshot, fields: Mapping[str, JsonValue], marker: str) -> Snapshot:
        """Set what the create couldn't carry."""
        rest = {n: v for n, v in fields.items() if n not in AT_CREATE and not same(snapshot.value(n), v)}
        for part in self.parts(rest):
            with contextlib.suppress(RecordRejected):
                await self.update(snapshot, part, marker=marker)
        return await self.read(snapshot.ref) if rest else snapshot

    async def _shaped(self, fields: Mapping[str, JsonValue]) -> dict[str, JsonValue]:
        priorities = await self.api.priorities(fields["priority"]) if fields.get("priority") else {}
        parts = [shaped(name, value, priorities) for name, value in fields.items()]
        return {name: value for part in parts for name, value in part.items()}

    async def _update_custom(self, expected: Snapshot, fields: Mapping[str, JsonValue]) -> WriteResult:
        refuse_others(fields, frozenset(name for name in fields if is_custom(name)))
        values = await self.api.set_custom_values(expected.ref, custom_values(fields))
        left = {f"{CUSTOM}{name}": value for name, value in values.items()}
        return _result(expected, left, None, custom_path(expected.ref))


def capabilities_of(settings: PagerDutySettings) -> Capabilities:
    return Capabilities(
        change_history=True,
        unlogged=UNLOGGED if settings.priority_logged else UNLOGGED | {"priority"},
        write_marker=True,
        creates_with_marker=True,
        granularity=timedelta(seconds=1),
        index_lag=settings.index_lag,
    )


def _result(
    expected: Snapshot, left: Mapping[str, JsonValue], updated_at: datetime | None, path: str
) -> WriteResult:
    """What a write left. Its answer shows only a part of the record; the token assumes the rest as it was."""
    whole = {name: left.get(name, value) for name, value in expected.fields.items()}
    return WriteResult(
        version=version_of(updated_at or expected.modified_at, whole),
        fields=left,
        modified_at=updated_at,
        request={"method": "PUT", "path": path},
    )


def _check_type(record_type: str) -> None:
    if record_type != RECORD_TYPE:
        raise ConfigError(f"PagerDuty has no record type {record_type!r}: write {RECORD_TYPE!r}")


def _scope(scope: str | None) -> dict[str, str]:
    parsed = parse_scope(scope)
    if parsed.keys() - {"service"}:
        raise ConfigError(
            f"PagerDuty scope {scope!r}: only a service can be named, by its id (service=PIJ90N7)"
        )
    return parsed


def build(
    name: str, settings: Mapping[str, Any], *, transport: httpx.AsyncBaseTransport | None = None
) -> PagerDutyConnector:
    """Open a connection to a PagerDuty account; sends nothing.

    Raises:
        ConfigError: A setting is wrong or missing.
    """
    config = read_settings(PagerDutySettings, name, settings)
    token = config.token.get_secret_value()
    scheme = "Bearer " if config.bearer else "Token token="
    headers = {"Authorization": f"{scheme}{token}", "Accept": ACCEPT}
    http = open_http(PAGERDUTY, config, headers=headers, secrets=[token], transport=transport)
    return PagerDutyConnector(name, config, http)
