"""Send one step's fields; a refused field does not stop the good ones (semantics §4.6)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from pydantic import JsonValue

from connectors.base import Connector, WriteResult
from domain.errors import RecordRejected
from domain.records import Snapshot


@dataclass(slots=True)
class Sent:
    """What became of a step's fields."""

    target: Snapshot
    """The record as the last write's response left it, as far as it tells."""
    result: WriteResult | None = None
    """Of the last request that was accepted."""
    requests: int = 0
    """Accepted ones."""
    fields: dict[str, JsonValue] = field(default_factory=dict)
    """What was accepted."""
    refused: dict[str, str] = field(default_factory=dict)
    """Unit → the system's reason."""
    is_named: bool = False
    """Whether the system said which field it refused."""

    @property
    def is_hopeless(self) -> bool:
        """Refused whole, and no single field can be blamed."""
        return bool(self.refused) and not self.requests and not self.is_named


async def send(
    connector: Connector,
    target: Snapshot,
    fields: Mapping[str, JsonValue],
    unit_of: Mapping[str, str],
    *,
    marker: str,
) -> Sent:
    """Write these native fields in one request; on a refusal without the refused units, or unit by unit.

    A unit is sent whole or not at all: a group never ends in a combination that nobody chose.

    Raises:
        StaleVersion: The record has moved on. What was accepted before is in nobody's way: the next look finds it.
    """
    sender = _Sender(connector, unit_of, marker, Sent(target))
    await sender.send(dict(fields))
    return sender.sent


@dataclass(frozen=True, slots=True)
class _Sender:
    connector: Connector
    unit_of: Mapping[str, str]
    marker: str
    sent: Sent

    async def send(self, fields: dict[str, JsonValue]) -> None:
        sent = self.sent
        try:
            result = await self.connector.update(sent.target, fields, marker=self.marker)
        except RecordRejected as error:
            await self._isolate(fields, error)
            return
        sent.result = result
        sent.requests += 1
        sent.fields.update(fields)
        sent.target = advanced(sent.target, result)

    async def _isolate(self, fields: dict[str, JsonValue], error: RecordRejected) -> None:
        """Leave out the units that the system names; where it names none, try each unit alone."""
        named = {self.unit_of[native]: reason for native, reason in error.fields.items() if native in fields}
        units = {self.unit_of[native] for native in fields}
        if named:
            self.sent.is_named = True
            self.sent.refused.update(named)
            if units - named.keys():
                await self.send(self._of(fields, units - named.keys()))
        elif len(units) == 1:
            self.sent.refused[units.pop()] = error.message
        else:
            for unit in sorted(units):
                await self.send(self._of(fields, {unit}))

    def _of(self, fields: dict[str, JsonValue], units: set[str]) -> dict[str, JsonValue]:
        return {native: value for native, value in fields.items() if self.unit_of[native] in units}


def advanced(before: Snapshot, result: WriteResult) -> Snapshot:
    """The record as our write's response shows it; its fields stay as read where the response tells none."""
    return before.model_copy(
        update={
            "version": result.version,
            "sequence": result.sequence,
            "modified_at": result.modified_at,
            "fields": {**before.fields, **(result.fields or {})},
            "changes": {},
        }
    )
