"""Times of the API: whole seconds in UTC out; ISO with or without an offset in."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from lab.systems.refusals import Refused


def time_text(stamp: float | None) -> str | None:
    """`2026-01-06T21:30:42Z`."""
    return None if stamp is None else datetime.fromtimestamp(stamp, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def millisecond_text(stamp: float) -> str:
    """`2026-01-06T21:30:42.458Z`, as webhooks write it."""
    return datetime.fromtimestamp(stamp, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def parse_time(text: str, time_zone: str) -> float:
    """Epoch seconds; without an offset the text means that time zone.

    Raises:
        Refused: `malformed`.
    """
    try:
        moment = datetime.fromisoformat(text)
        zone = ZoneInfo(time_zone)
    except (ValueError, ZoneInfoNotFoundError) as error:
        raise Refused("malformed", f"{text} is no time in {time_zone}") from error
    return (moment if moment.tzinfo else moment.replace(tzinfo=zone)).timestamp()
