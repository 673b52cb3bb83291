"""Errors, sorted by what happens next.

SyncError                 message, evidence (no secrets), audience
├── TryAgain              the same call may work later          → Temporal retries
│   ├── SystemUnavailable
│   ├── CredentialsRefused   401/403 for the whole connection: that connection stops, its activities try again
│   ├── ConnectionClosed     known to be out: nothing was asked, it opens by itself
│   └── RateLimited       retry_after                           → next_retry_delay
├── LookAgain             our picture is old                    → back to detect; not a failure
│   ├── StaleVersion      a precondition failed
│   └── RecordGone        the system says so; carries the tombstone
├── StopRecord            this pair needs help                  → quarantine, others go on
│   ├── RecordRejected    refused; `fields` names the culprits where the system tells
│   └── RecordHidden      404 without proof: can't be seen, is not deleted
└── StopIntegration       nothing of this kind can work         → brake, one alert
    ├── ConfigError
    │   └── ForeignCursor a cursor of another query: begin anew without one
    └── MassChange

Conflict, echo, nothing to do, undecided, unmapped are results, not errors.
"""

from __future__ import annotations

from datetime import timedelta
from enum import StrEnum
from typing import Any

from domain.records import Gone


class Audience(StrEnum):
    """Who can act on it."""

    REVIEWER = "reviewer"
    INTEGRATOR = "integrator"
    OPERATOR = "operator"
    DEVELOPER = "developer"


class SyncError(Exception):
    """Says what, where, and what to do. `evidence` holds fields for programs and never a secret."""

    audience: Audience = Audience.OPERATOR

    def __init__(self, message: str, **evidence: Any) -> None:
        super().__init__(message)
        self.message = message
        self.evidence = evidence


class TryAgain(SyncError):
    """The same call may work later."""


class SystemUnavailable(TryAgain):
    """No answer, or an answer that says "not now"."""


class CredentialsRefused(TryAgain):
    """The connection's credentials are refused: the connection stops until they are mended."""


class ConnectionClosed(TryAgain):
    """The connection is known to be out, refused, or paused: nothing was asked. It opens by itself."""


class RateLimited(TryAgain):
    """The system asked for a pause of `retry_after`."""

    def __init__(self, message: str, *, retry_after: timedelta, **evidence: Any) -> None:
        super().__init__(message, **evidence)
        self.retry_after = retry_after


class LookAgain(SyncError):
    """Our picture is old: read and decide anew."""


class StaleVersion(LookAgain):
    """A precondition failed: somebody changed the record since we read it."""


class RecordGone(LookAgain):
    """The system proves that the record is gone."""

    def __init__(self, message: str, *, gone: Gone, **evidence: Any) -> None:
        super().__init__(message, **evidence)
        self.gone = gone


class StopRecord(SyncError):
    """This pair needs help; others go on."""

    audience = Audience.INTEGRATOR


class RecordRejected(StopRecord):
    """The system refused a write. `fields`: native name → reason, empty where it named none."""

    def __init__(self, message: str, *, fields: dict[str, str] | None = None, **evidence: Any) -> None:
        super().__init__(message, **evidence)
        self.fields = fields or {}


class RecordHidden(StopRecord):
    """The record can't be seen (404 without proof of deletion): unreachable, never deleted."""


class StopIntegration(SyncError):
    """Nothing of this kind can work until somebody mends it."""

    audience = Audience.INTEGRATOR


class ConfigError(StopIntegration):
    """The declaration, a setting or a query is wrong."""


class ForeignCursor(ConfigError):
    """A cursor belongs to another query, or is none: only a new beginning helps."""


class MassChange(StopIntegration):
    """More records vanish or change by our hand than the brake allows."""
