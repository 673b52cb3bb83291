"""One table that says which error an answer is, by what happens next.

A row is found by the answer's status (or by the trouble that left none) and its column by what the request was for:
the same 404 hides a record that was read, and means a wrong record type where one was listed. A system adds or
replaces rows in its `Dialect`; no other place looks at a status.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any, TypeAlias

from pydantic import JsonValue

from connectors.clock import parse_http_date
from domain.errors import (
    ConfigError,
    CredentialsRefused,
    RateLimited,
    RecordGone,
    RecordHidden,
    RecordRejected,
    StaleVersion,
    StopRecord,
    SyncError,
    SystemUnavailable,
)
from domain.records import Evidence, Gone, RecordRef


class Aim(StrEnum):
    """What a request is for."""

    READ = "read"
    """One known record, or something that belongs to it."""
    WRITE = "write"
    """A change or a deletion of one known record."""
    CREATE = "create"
    QUERY = "query"
    """Many records, or the schema."""
    PROBE = "probe"
    """Nothing but to see whether the connection works."""


class Trouble(StrEnum):
    """Why there is no answer to use."""

    NOT_SENT = "could not be reached"
    NO_ANSWER = "gave no answer"
    NOT_JSON = "answered with something other than JSON"
    UNEXPECTED = "answered in an unexpected shape"
    OVERSIZED = "answered with more than the allowed size"


Row: TypeAlias = Mapping[Aim, type[SyncError]]
ErrorTable: TypeAlias = Mapping[int | Trouble, Row]


def row(everywhere: type[SyncError], **but: type[SyncError]) -> Row:
    """A row: one error for every aim, but these (by the aim's name)."""
    return {aim: but.get(aim.value, everywhere) for aim in Aim}


REFUSED = row(RecordRejected, read=StopRecord, query=ConfigError, probe=ConfigError)
"""What was asked is no good: of a query that is a setting's fault; of one known record it is that record's."""
AWAY = row(SystemUnavailable)

COMMON: ErrorTable = {
    Trouble.NOT_SENT: AWAY,
    Trouble.NO_ANSWER: AWAY,
    Trouble.NOT_JSON: AWAY,
    Trouble.UNEXPECTED: AWAY,
    # A write with too long an answer has happened: the engine looks again, and that read stops the record.
    Trouble.OVERSIZED: row(SystemUnavailable, read=StopRecord, query=ConfigError),
    400: REFUSED,
    401: row(CredentialsRefused),
    403: row(RecordRejected, read=RecordHidden, query=ConfigError, probe=CredentialsRefused),
    404: row(ConfigError, read=RecordHidden, write=RecordHidden),
    405: row(ConfigError),
    406: row(ConfigError),
    408: AWAY,
    409: row(SystemUnavailable, write=StaleVersion, create=RecordRejected),
    410: row(ConfigError, read=RecordGone, write=RecordGone),
    412: row(ConfigError, write=StaleVersion),
    415: row(ConfigError),
    423: AWAY,
    425: AWAY,
    429: row(RateLimited),
}


def find_row(table: ErrorTable, status: int | Trouble) -> Row:
    """The row of this status, or that of its class: other 4xx count as 400, everything else as an outage.

    A redirect is an outage too: it is never followed, and most often it leads to a log-in or maintenance page.
    """
    if status in table:
        return table[status]
    is_refusal = isinstance(status, int) and 400 <= status < 500
    return table[400] if is_refusal else AWAY


# ------------------------------------------------------------------------------------------- a system's own words
TEXT_CAP = 300
"""Characters of a system's own text that a message repeats."""
PAUSE = timedelta(seconds=10)
"""How long to wait on a 429 that names no time."""
LONGEST_PAUSE = timedelta(hours=1)


def parse_retry_after(headers: Mapping[str, str]) -> timedelta | None:
    """`Retry-After` as seconds or as an HTTP date, the latter measured against the answer's own `Date`.

    Source: RFC 9110 §10.2.3.
    """
    written = headers.get("retry-after", "").strip()
    if written.replace(".", "", 1).isdigit():
        return timedelta(seconds=float(written))
    until = parse_http_date(written)
    if until is None:
        return None
    return until - (parse_http_date(headers.get("date")) or datetime.now(UTC))


def no_pause(headers: Mapping[str, str]) -> timedelta | None:
    """The pause that a system's own rate headers ask for, where it has none."""
    del headers
    return None


def one_record(headers: Mapping[str, str]) -> bool:
    """Whether a refusal for too many requests concerns one record alone, where the system has no such limits."""
    del headers
    return False


def say_nothing(body: JsonValue) -> str:
    """The system's words in an error body of unknown shape."""
    return "" if body is None else str(body)


def name_nothing(body: JsonValue) -> dict[str, str]:
    """The fields that an error body blames, where the system names none."""
    del body
    return {}


@dataclass(frozen=True, slots=True)
class Dialect:
    """What one system adds to the common reading of answers."""

    system: str
    errors: ErrorTable = field(default_factory=dict)
    """Rows that replace or join the common ones."""
    explain: Callable[[JsonValue], str] = say_nothing
    """The words for people in an error body."""
    culprits: Callable[[JsonValue], dict[str, str]] = name_nothing
    """Native field → reason, from the body of a refused write."""
    pause: Callable[[Mapping[str, str]], timedelta | None] = no_pause
    """The pause named by the system's own rate headers, used where `Retry-After` is absent."""
    concerns_one: Callable[[Mapping[str, str]], bool] = one_record
    """Whether a 429 speaks of one record's limit: the others needn't wait."""

    def error(self, status: int | Trouble, aim: Aim) -> type[SyncError]:
        return find_row({**COMMON, **self.errors}, status)[aim]


@dataclass(frozen=True, slots=True)
class Call:
    """One request, as messages name it: no query string, no body, no secret."""

    method: str
    path: str
    aim: Aim
    ref: RecordRef | None = None
    """The record it concerns; always known to a read or a write."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """An answer that is none: a status that isn't a success, or a trouble."""

    status: int | Trouble
    headers: Mapping[str, str] = field(default_factory=dict)
    body: JsonValue = None


def build_error(dialect: Dialect, call: Call, refusal: Refusal, text: str) -> SyncError:
    """The error to raise. `text` is the system's own, already capped and without secrets."""
    kind = dialect.error(refusal.status, call.aim)
    evidence: dict[str, Any] = {"method": call.method, "path": call.path, "status": refusal.status}
    if kind is RateLimited and dialect.concerns_one(refusal.headers):
        evidence["concerns"] = "one record"
    return kind(
        describe(dialect, call, refusal, text), **particulars(kind, dialect, call, refusal), **evidence
    )


def describe(dialect: Dialect, call: Call, refusal: Refusal, text: str) -> str:
    """`Jira PUT /issue/10001 answered 400: priority is unknown`."""
    status = refusal.status
    outcome = str(status) if isinstance(status, Trouble) else f"answered {status}"
    return f"{dialect.system} {call.method} {call.path} {outcome}" + (f": {text}" if text else "")


def particulars(kind: type[SyncError], dialect: Dialect, call: Call, refusal: Refusal) -> dict[str, Any]:
    """What this kind of error carries beyond its message."""
    if issubclass(kind, RateLimited):
        return {"retry_after": bounded_pause(dialect, refusal.headers)}
    if issubclass(kind, RecordRejected):
        return {"fields": dialect.culprits(refusal.body)}
    if issubclass(kind, RecordGone):
        assert call.ref is not None
        return {"gone": Gone(ref=call.ref, evidence=Evidence.STATUS_410)}
    return {}


def bounded_pause(dialect: Dialect, headers: Mapping[str, str]) -> timedelta:
    """How long to wait: at least nothing, at most an hour, so that a wild header stops nobody for a day."""
    named = (ask(headers) for ask in (parse_retry_after, dialect.pause))
    asked = next((pause for pause in named if pause is not None), PAUSE)
    return max(timedelta(0), min(asked, LONGEST_PAUSE))


REMAINING = ("x-ratelimit-remaining", "ratelimit-remaining")
"""Source: the fact sheets of Jira, GitHub, Azure DevOps, Dynatrace; PagerDuty, GitLab."""


def pause_after(dialect: Dialect, headers: Mapping[str, str]) -> timedelta | None:
    """What a successful answer asks for: a `Retry-After` (Azure DevOps does that), or the reset where nothing is left."""
    asked = parse_retry_after(headers)
    if asked is None and any(headers.get(name, "").strip() == "0" for name in REMAINING):
        asked = dialect.pause(headers)
    return None if asked is None else max(timedelta(0), min(asked, LONGEST_PAUSE))
