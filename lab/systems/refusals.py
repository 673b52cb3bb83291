"""Why a simulated system says no. The chassis raises; each system gives the refusal its own words and shape."""

from typing import Any, Literal

from lab.systems.records import Record

Reason = Literal[
    "unauthorized", "not_found", "gone", "stale", "invalid_value", "refused_field", "malformed", "rate_limited",
    "no_route", "fault",
]  # fmt: skip

STATUS: dict[Reason, int] = {
    "unauthorized": 401, "not_found": 404, "gone": 410, "stale": 412, "invalid_value": 422, "refused_field": 400,
    "malformed": 400, "rate_limited": 429, "no_route": 404, "fault": 500,
}  # fmt: skip


class Refused(Exception):
    """An answer other than success.

    Attributes:
        reason: What kind of refusal; systems choose their own status and error code by it.
        status: The usual status of that reason, or the one that an armed fault names.
        field: The field at fault, if it may be named.
        record: The record as it is, for `stale`.
        headers: Sent along, e.g. `Retry-After`.
        body: Sent as it is in place of the system's own error body, if an armed fault says so.
    """

    def __init__(
        self,
        reason: Reason,
        message: str,
        *,
        status: int | None = None,
        field: str | None = None,
        record: Record | None = None,
        headers: dict[str, str] | None = None,
        body: Any = None,
    ) -> None:
        super().__init__(message)
        self.reason: Reason = reason
        self.message = message
        self.status = status or STATUS[reason]
        self.field = field
        self.record = record
        self.headers = headers or {}
        self.body = body
