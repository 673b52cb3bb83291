from __future__ import annotations

from datetime import timedelta

import pytest

from connectors.refusals import Aim, Call, Dialect, Refusal, Trouble, build_error, row
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
from domain.records import Evidence, RecordRef

REF = RecordRef(connection="c", record_type="t", id="7")


def error(status: int | Trouble, aim: Aim, dialect: Dialect | None = None, **headers: str) -> SyncError:
    call = Call("GET", "/x", aim, REF)
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return build_error(dialect or Dialect("System"), call, Refusal(status, named, {"field": "state"}), "why")


@pytest.mark.parametrize(
    ("status", "aim", "expected"),
    [
        (400, Aim.WRITE, RecordRejected),
        (400, Aim.QUERY, ConfigError),
        (401, Aim.READ, CredentialsRefused),
        (403, Aim.PROBE, CredentialsRefused),
        (403, Aim.READ, RecordHidden),
        (403, Aim.WRITE, RecordRejected),
        (404, Aim.READ, RecordHidden),
        (404, Aim.CREATE, ConfigError),
        (409, Aim.WRITE, StaleVersion),
        (410, Aim.READ, RecordGone),
        (412, Aim.WRITE, StaleVersion),
        (418, Aim.WRITE, RecordRejected),
        (418, Aim.READ, StopRecord),
        (422, Aim.CREATE, RecordRejected),
        (429, Aim.PROBE, RateLimited),
        (302, Aim.READ, SystemUnavailable),
        (500, Aim.WRITE, SystemUnavailable),
        (599, Aim.QUERY, SystemUnavailable),
        (Trouble.NO_ANSWER, Aim.WRITE, SystemUnavailable),
        (Trouble.OVERSIZED, Aim.READ, StopRecord),
        (Trouble.OVERSIZED, Aim.WRITE, SystemUnavailable),
        (Trouble.OVERSIZED, Aim.QUERY, ConfigError),
    ],
)
def test_what_happens_next_depends_on_status_and_aim(
    status: int | Trouble, aim: Aim, expected: type[SyncError]
) -> None:
    assert type(error(status, aim)) is expected


def test_a_message_says_who_what_and_why() -> None:
    assert str(error(400, Aim.WRITE)) == "System GET /x answered 400: why"
    assert str(error(Trouble.NO_ANSWER, Aim.READ)) == "System GET /x gave no answer: why"


def test_a_system_replaces_rows_by_its_own() -> None:
    dialect = Dialect("System", errors={404: row(SystemUnavailable), 418: row(StopRecord)})
    assert type(error(404, Aim.READ, dialect)) is SystemUnavailable
    assert type(error(418, Aim.READ, dialect)) is StopRecord
    assert type(error(401, Aim.READ, dialect)) is CredentialsRefused


def test_a_refusal_names_the_culprits_that_the_system_names() -> None:
    dialect = Dialect(
        "System", culprits=lambda body: {str(body["field"]): "no"} if isinstance(body, dict) else {}
    )
    refused = error(400, Aim.WRITE, dialect)
    assert isinstance(refused, RecordRejected)
    assert refused.fields == {"state": "no"}


def test_a_410_is_its_own_proof() -> None:
    gone = error(410, Aim.READ)
    assert isinstance(gone, RecordGone)
    assert (gone.gone.ref, gone.gone.evidence) == (REF, Evidence.STATUS_410)


@pytest.mark.parametrize(
    ("retry_after", "seconds"),
    [
        ("17", 17),
        ("0.5", 0.5),
        ("0", 0),
        ("Wed, 21 Oct 2026 07:28:30 GMT", 30),
        ("Wed, 21 Oct 2026 07:27:00 GMT", 0),
        ("999999", 3600),
        ("soon", 10),
        ("", 10),
    ],
)
def test_a_pause_is_read_in_seconds_or_as_a_date_and_is_bounded(retry_after: str, seconds: float) -> None:
    limited = error(429, Aim.READ, retry_after=retry_after, date="Wed, 21 Oct 2026 07:28:00 GMT")
    assert isinstance(limited, RateLimited)
    assert limited.retry_after == timedelta(seconds=seconds)


def test_a_systems_own_header_serves_where_retry_after_is_absent() -> None:
    dialect = Dialect("System", pause=lambda headers: timedelta(seconds=int(headers["x-reset"])))
    limited = error(429, Aim.READ, dialect, x_reset="44")
    assert isinstance(limited, RateLimited)
    assert limited.retry_after == timedelta(seconds=44)
