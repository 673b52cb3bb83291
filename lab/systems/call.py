"""One request of the public API in flight: what a system's handlers work with.

A handler speaks HTTP with the client and `Call` with the chassis: `await call.update("incident", id, {...})`. Faults, people who
get in between, refused values and the journal are dealt with here. Between the fault checks and the save nothing awaits, so a
write is atomic against every other request.
"""

import asyncio
import json
import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from lab.systems.faults import Fault, Operation
from lab.systems.journal import Entry
from lab.systems.records import Author, Record, Save
from lab.systems.refusals import Refused
from lab.systems.rules import check_fields
from lab.systems.settings import Settings
from lab.systems.system import System


@dataclass(slots=True)
class Call:
    """Handlers use `request`, `path`, `json()` and the operations; the rest is for the door."""

    system: System[Settings]
    request: Request
    operation: Operation
    actor: str | None = None
    is_lost: bool = False
    finds_nothing: bool = False
    answer_instead: Fault | None = None
    _struck: set[int] = field(default_factory=set)
    _records: dict[str, None] = field(default_factory=dict)  # a set that keeps the order
    _fields: dict[str, None] = field(default_factory=dict)
    _applied: bool = False
    _after_delete: bool = False
    _began_at: float = field(init=False)

    def __post_init__(self) -> None:
        self._began_at = self.system.clock.true_time()

    @property
    def path(self) -> dict[str, str]:
        """The parameters of the route's path."""
        return self.request.path_params

    async def json(self) -> dict[str, Any]:
        """The body as an object; an empty body is an empty object.

        Raises:
            Refused: `malformed`.
        """
        body = await self.request.body()
        try:
            content = json.loads(body or b"{}")
        except ValueError as error:
            raise Refused("malformed", "the body is not JSON") from error
        if not isinstance(content, dict):
            raise Refused("malformed", "the body is not a JSON object")
        return content

    async def read(self, record_type: str, record_id: str) -> Record:
        """The record as it is now.

        Raises:
            Refused: `not_found`, `gone`, or an armed fault.
        """
        await self._touch(record_type, (record_id,))
        self._let_others_in("read", record_type, record_id)
        return self._live(record_type, record_id)

    async def read_many(self, record_type: str, record_ids: list[str]) -> list[Record]:
        """Those of the records that exist; the others are left out."""
        await self._touch(record_type, tuple(record_ids))
        for record_id in record_ids:
            self._let_others_in("read", record_type, record_id)
        found = (self.system.records.head(record_type, record_id) for record_id in record_ids)
        return [] if self.finds_nothing else [record for record in found if record and not record.deleted]

    async def create(
        self,
        record_type: str,
        fields: dict[str, Any],
        *,
        marker: str | None = None,
        idempotency_key: str | None = None,
    ) -> Record:
        """A new record, or the one that an earlier request with the same idempotency key made.

        Raises:
            Refused: `invalid_value`, `refused_field`, or an armed fault.
        """
        await self._touch(record_type, (), fields)
        if idempotency_key and (known := self.system.records.created_under(idempotency_key)):
            return self._live(record_type, known)
        check_fields(self.system.switches.now, fields)
        with self.system.database.transaction():
            record = self.system.desk.create(record_type, fields, self._author(marker)).record
            if idempotency_key:
                self.system.records.remember_creation(idempotency_key, record.id)
        self._records[f"{record_type}/{record.id}"] = None
        self._applied = True
        return record

    async def update(
        self,
        record_type: str,
        record_id: str,
        fields: dict[str, Any],
        *,
        marker: str | None = None,
        expected_version: int | None = None,
        recompute: Callable[[Record], dict[str, Any]] | None = None,
    ) -> Record:
        """The record after its own save: with automations of the same save, before those that follow.

        Args:
            record_type: The record's type.
            record_id: Its id.
            fields: Only these change.
            marker: Kept with the save and told in its webhook, if the system has such a thing.
            expected_version: Refuse unless this is the record's version.
            recompute: Gives the fields again from the record as the write finds it, where values build on what stands
                there ("add this label"): somebody may have got in since the handler looked.

        Raises:
            Refused: `not_found`, `gone`, `stale` (with the record), `invalid_value`, `refused_field`, or an armed fault.
        """
        await self._touch(record_type, (record_id,), fields)
        self._let_others_in("write", record_type, record_id, fields)
        record = self._live(record_type, record_id)
        if expected_version not in {None, record.version}:
            raise Refused("stale", f"{record.key} has moved on to version {record.version}", record=record)
        fields = recompute(record) if recompute else fields
        check_fields(self.system.switches.now, fields)
        save = self.system.desk.edit(record, fields, self._author(marker))
        self._applied = True
        return save.record if save else record

    async def delete(self, record_type: str, record_id: str) -> Record:
        """Delete the record; its last state.

        Raises:
            Refused: `not_found`, `gone`, or an armed fault.
        """
        await self._touch(record_type, (record_id,))
        self._let_others_in("write", record_type, record_id)
        save = self.system.desk.delete(self._live(record_type, record_id), self._author(None))
        self._applied = True
        return save.record

    async def history(self, record_type: str, record_id: str, since_version: int = 0) -> list[Save]:
        """The record's saves after that version, oldest first.

        Raises:
            Refused: `not_found`, `gone`, or an armed fault.
        """
        await self._touch(record_type, (record_id,))
        self._live(record_type, record_id)
        return self.system.records.history(record_type, record_id, since_version)

    async def search(self, record_type: str, equal: dict[str, Any] | None = None) -> list[Record]:
        """Records as the search index knows them, in order of their last save; see `Records.indexed`."""
        await self._touch(record_type, ())
        saves = self.system.records.indexed(record_type, self._index_time(), equal)
        return [] if self.finds_nothing else [save.record for save in saves]

    async def feed(self, record_type: str, since: int, limit: int) -> list[Save]:
        """Newest saves after save number `since`, as the search index knows them; see `Records.feed`."""
        await self._touch(record_type, ())
        saves = self.system.records.feed(record_type, since, self._index_time(), limit)
        return [] if self.finds_nothing else saves

    def expect_outage(self) -> None:
        """Raises `Outage` if nobody is there; the other faults wait until the record is known, so that the journal names it."""
        if self.system.faults.strike(self.operation, (), (), self._struck, effects={"outage"}):
            raise Outage

    async def suffer(self, records: tuple[str, ...] = (), fields: tuple[str, ...] = ()) -> None:
        """Let the armed faults that meet this request take effect, each once per request.

        Raises:
            Refused: `fault`, by a `status` fault that isn't `applied`.
            Outage: By an outage of single records or fields.
        """
        for fault in self.system.faults.strike(self.operation, records, fields, self._struck):
            await self._suffer(fault)

    async def _suffer(self, fault: Fault) -> None:
        match fault.effect:
            case "slow":
                await asyncio.sleep(fault.delay)
            case "outage":
                raise Outage
            case "lost_response":
                self.is_lost = True
            case "list_empty":
                self.finds_nothing = True
            case "status" if fault.applied:
                self.answer_instead = fault
            case "status":
                raise as_refusal(fault)

    def entry(self, response: Response | None) -> Entry:
        """This request for the journal; without a response the connection was aborted."""
        return Entry(
            n=self.system.journal.next_n(),
            at=self._began_at,
            method=self.request.method,
            path=self.request.url.path,
            query=self.request.url.query,
            operation=self.operation,
            records=tuple(self._records),
            fields=tuple(self._fields),
            actor=self.actor,
            status=response.status_code if response else None,
            applied=self._applied,
            after_delete=self._after_delete,
        )

    async def _touch(
        self, record_type: str, records: tuple[str, ...], fields: dict[str, Any] | None = None
    ) -> None:
        written = tuple(fields or ())
        self._records |= dict.fromkeys(f"{record_type}/{record_id}" for record_id in records)
        self._fields |= dict.fromkeys(written)
        heads = (self.system.records.head(record_type, record_id) for record_id in records)
        self._after_delete = self._after_delete or any(head.deleted for head in heads if head)
        await self.suffer(records, written)

    def _let_others_in(
        self, before: str, record_type: str, record_id: str, fields: dict[str, Any] | None = None
    ) -> None:
        for injection in self.system.injections.take(before, record_type, record_id, fields or {}):
            author = Author(injection.by, "person", self.system.clock.true_time())
            record = self._live(record_type, record_id)
            if injection.delete:
                self.system.desk.delete(record, author)
            else:
                self.system.desk.edit(record, injection.fields, author)

    def _live(self, record_type: str, record_id: str) -> Record:
        record = self.system.records.head(record_type, record_id)
        if record is not None and not record.deleted:
            return record
        if record is not None and self.system.switches.now.gone_status == 410:
            raise Refused("gone", f"{record_type} {record_id} was deleted")
        raise Refused("not_found", f"there is no {record_type} {record_id}")

    def _author(self, marker: str | None) -> Author:
        assert self.actor is not None
        return Author(self.actor, "api", self.system.clock.true_time(), marker)

    def _index_time(self) -> float:
        settings = self.system.switches.now
        until = math.inf if settings.search_until is None else settings.search_until
        lag = settings.search_lag
        return min(until, self.system.clock.true_time() - lag) if lag else until


class Outage(Exception):
    """Nobody is there: the connection ends without an answer."""


def as_refusal(fault: Fault) -> Refused:
    """The answer that a `status` fault asks for."""
    return Refused(
        "fault", fault.reason, status=fault.status, headers=fault.headers, body=fault.body, field=fault.field
    )
