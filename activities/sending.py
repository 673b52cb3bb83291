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
    sent = Sent(target)
    await _send(connector, sent, dict(fields), unit_of, marker)
    return sent


async def _send(
    connector: Connector, sent: Sent, fields: dict[str, JsonValue], unit_of: Mapping[str, str], marker: str
) -> None:
    try:
        result = await connector.update(sent.target, fields, marker=marker)
    except RecordRejected as error:
        await _isolate(connector, sent, fields, unit_of, marker, error)
        return
    sent.result = result
    sent.requests += 1
    sent.fields.update(fields)
    sent.target = advanced(sent.target, result)


async def _isolate(
    connector: Connector,
    sent: Sent,
    fields: dict[str, JsonValue],
    unit_of: Mapping[str, str],
    marker: str,
    error: RecordRejected,
) -> None:
    named = {unit_of[native]: reason for native, reason in error.fields.items() if native in fields}
    units = list(dict.fromkeys(unit_of[native] for native in fields))
    if named:
        sent.is_named = True
        sent.refused.update(named)
        rest = {native: value for native, value in fields.items() if unit_of[native] not in named}
        if rest:
            await _send(connector, sent, rest, unit_of, marker)
    elif len(units) == 1:
        sent.refused[units[0]] = error.message
    else:
        for unit in units:
            await _send(
                connector, sent, {n: v for n, v in fields.items() if unit_of[n] == unit}, unit_of, marker
            )


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
