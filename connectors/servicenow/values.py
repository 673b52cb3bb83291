"""Values on the wire: everything is text, nothing is "", times are UTC without a mark.

ServiceNow can't tell an empty text from no value. We read "" as None and write None as "": so clearing travels, and
a field that holds nothing never looks changed.
"""

from __future__ import annotations

from datetime import UTC, datetime

from pydantic import JsonValue

from domain.errors import RecordRejected

FORMAT = "%Y-%m-%d %H:%M:%S"


def from_wire(written: JsonValue) -> JsonValue:
    """A column's value; of a reference, the id that it points to."""
    if isinstance(written, dict) and "value" in written:
        return from_wire(written["value"])
    return None if written == "" else written


def to_wire(field: str, value: JsonValue) -> str:
    """The text to send.

    Raises:
        RecordRejected: An object, which no column holds.
    """
    match value:
        case None:
            return ""
        case bool():
            return "true" if value else "false"
        case list():
            return ",".join(to_wire(field, element) for element in value)
        case dict():
            raise RecordRejected(
                f"ServiceNow column {field} holds text, not an object",
                fields={field: "an object can't be written"},
            )
    return str(value)


def parse_time(written: JsonValue) -> datetime | None:
    """The moment; None if the column is empty, hidden or holds something else."""
    try:
        return datetime.strptime(str(written), FORMAT).replace(tzinfo=UTC)
    except ValueError:
        return None


def spell_time(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime(FORMAT)


def is_ignored(asked: str, before: str, after: str) -> bool:
    """Whether a written value was dropped in silence, as happens to columns that the user may not write.

    A value that was only trimmed, cut or changed in case is the system's way of storing it, also when that is what
    stood there before.
    """
    if after != before:
        return False
    kept, wanted = after.strip().casefold(), asked.strip().casefold()
    return kept != wanted if not kept or not wanted else not wanted.startswith(kept)
