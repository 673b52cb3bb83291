"""Jira's times: milliseconds and a numeric offset."""

from datetime import UTC, datetime


def time_text(stamp: float | None) -> str | None:
    """`2026-01-06T10:38:52.000+0000`."""
    if stamp is None:
        return None
    moment = datetime.fromtimestamp(stamp, UTC)
    return moment.strftime("%Y-%m-%dT%H:%M:%S.") + f"{moment.microsecond // 1000:03d}+0000"
