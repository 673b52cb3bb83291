"""What the conformance suite needs of a system: a person at its desk, a connector to it, and a hand on its clock."""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from time import monotonic
from typing import Any, Self

from pydantic import JsonValue

from connectors.base import Connector
from domain.records import RecordRef
from lab.systems.control import LabControl
from lab.systems.faults import Fault
from lab.systems.injections import Injection
from lab.systems.outbox import Subscription
from lab.systems.process import LabSystem
from lab.systems.receiver import listening

SECRET, NEXT_SECRET = "first-secret", "second-secret"
PATIENCE = 10.0
"""Seconds until something that must become true is given up."""

Headers = dict[str, str]


async def eventually(holds: Callable[[], Awaitable[bool]]) -> bool:
    """Whether it becomes true before our patience ends."""
    deadline = monotonic() + PATIENCE
    while not (true := await holds()) and monotonic() < deadline:
        await asyncio.sleep(0.02)
    return true


class Harness(ABC):
    """One running system. Field names and values are those of the connector."""

    record_type: str
    text: str
    """A field for text of at least 1,000 characters."""
    other: str
    """A second text field."""
    choice: str | None = None
    """A field with a closed list of values."""
    choices: tuple[str, ...] = ()
    nonsense: JsonValue = "no such value"
    """A value that `choice` doesn't take."""
    names_culprits: bool = True
    """Whether a refused value is refused by its field's name."""
    needed: Mapping[str, JsonValue] = {}
    """What a new record must also have."""
    unknown_id: str = "999999"
    other_scope: str | None = "team=EMEA"
    """A valid scope that isn't the default one."""
    connector: Connector

    @abstractmethod
    async def person_creates(self, fields: Mapping[str, JsonValue]) -> RecordRef: ...

    @abstractmethod
    async def person_edits(
        self, ref: RecordRef, fields: Mapping[str, JsonValue], *, by: str = "ada"
    ) -> None: ...

    @abstractmethod
    async def person_deletes(self, ref: RecordRef) -> None: ...

    @abstractmethod
    async def gets_in_between(self, ref: RecordRef, fields: Mapping[str, JsonValue]) -> None:
        """Let a person edit the record just before the next write to it arrives."""

    @abstractmethod
    async def set_skew(self, skew: timedelta) -> None: ...

    @abstractmethod
    async def delivery(self, ref: RecordRef, *, secret: str = SECRET) -> tuple[Headers, bytes]:
        """A real, signed webhook about a person's edit of this record, headers in lower case."""

    async def a_record(self, **fields: JsonValue) -> RecordRef:
        """A record that a person has just created."""
        return await self.person_creates(
            {**self.needed, self.text: "printer on fire", self.other: "room 1", **fields}
        )


class LabHarness(Harness):
    """A simulated system in a process of its own. Subclasses translate where the lab's field names differ."""

    kind: str

    def __init__(self, lab: LabSystem) -> None:
        self.lab = lab
        self.connector = self.open()

    @classmethod
    @asynccontextmanager
    async def running(cls, state_dir: Path, **options: Any) -> AsyncIterator[Self]:
        """The system, started with these options of its simulator."""
        async with await LabSystem.start(cls.kind, "conformance", state_dir, options) as lab:
            harness = cls(lab)
            try:
                yield harness
            finally:
                await harness.connector.aclose()

    @abstractmethod
    def open(self, **settings: Any) -> Connector:
        """Another connection to the same system, with these settings changed."""

    @property
    def control(self) -> LabControl:
        return self.lab.control

    def stored(self, fields: Mapping[str, JsonValue]) -> dict[str, Any]:
        """The connector's fields and values as the simulator holds them."""
        return dict(fields)

    def ref(self, record_id: str) -> RecordRef:
        return RecordRef(connection=self.connector.connection, record_type=self.record_type, id=record_id)

    async def person_creates(self, fields: Mapping[str, JsonValue]) -> RecordRef:
        return self.ref((await self.control.create(self.record_type, self.stored(fields), by="ada")).id)

    async def person_edits(self, ref: RecordRef, fields: Mapping[str, JsonValue], *, by: str = "ada") -> None:
        await self.control.edit(ref.record_type, ref.id, self.stored(fields), by=by)

    async def person_deletes(self, ref: RecordRef) -> None:
        await self.control.delete(ref.record_type, ref.id, by="ada")

    async def gets_in_between(self, ref: RecordRef, fields: Mapping[str, JsonValue]) -> None:
        await self.control.inject(
            Injection(
                before="write",
                record_type=ref.record_type,
                record=ref.id,
                fields=self.stored(fields),
                by="ada",
            )
        )

    async def set_skew(self, skew: timedelta) -> None:
        await self.control.change_settings(skew=skew.total_seconds())

    async def delivery(self, ref: RecordRef, *, secret: str = SECRET) -> tuple[Headers, bytes]:
        with listening() as receiver:
            await self.control.subscribe(Subscription(id="suite", url=receiver.url, secret=secret))
            await self.person_edits(ref, {self.text: f"edit that is told, {monotonic()}"})
            (received, *_) = await receiver.wait_for(1)
            await self.control.unsubscribe("suite")
        return received.headers, received.body

    async def writes(self, ref: RecordRef) -> int:
        """Successful writes to the record through the system's public API."""
        return (await self.control.record_counts(ref.record_type, ref.id)).get("writes", 0)

    async def arm(self, **fault: Any) -> None:
        await self.control.arm(Fault(**fault))
