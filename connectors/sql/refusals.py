"""One table that says which of our errors one of PostgreSQL's is, by its SQLSTATE and by what was being done.

Source: PostgreSQL, "Appendix A. PostgreSQL Error Codes".
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta

from psycopg import Error
from sqlalchemy.exc import DBAPIError

from connectors.refusals import AWAY, TEXT_CAP, Aim, Call, Row, row
from domain.errors import ConfigError, CredentialsRefused, RecordHidden, RecordRejected, SyncError

NOT_ALLOWED = row(ConfigError, write=RecordRejected, create=RecordRejected)
MISTAKE = row(ConfigError)
VALUE = row(RecordRejected, read=RecordHidden, query=ConfigError)
"""A value of the wrong form: a record can't have it, an id of that form can't be anybody's."""

TABLE: Mapping[str, Row] = {
    "08": AWAY,  # connection
    "0A": MISTAKE,  # not supported
    "22": VALUE,
    "23": row(RecordRejected),  # a constraint
    "25006": AWAY,  # read-only: a standby, until it is promoted
    "28": row(CredentialsRefused),
    "40": AWAY,  # rolled back: deadlock, serialization
    "42": MISTAKE,  # syntax, unknown names
    "42501": NOT_ALLOWED,
    "53": AWAY,  # out of something
    "55": AWAY,  # in use, or not in the state for it: a slot that was lost is made anew by the next attempt
    "57": AWAY,  # cancelled, shut down
    "P0": NOT_ALLOWED,  # a trigger raised it
}
"""Whole codes come before their class (the first two characters); what isn't here counts as an outage."""

SAYS_CREDENTIALS = ("authentication failed", "no pg_hba.conf entry")
"""libpq gives no SQLSTATE for a connection that wasn't made, only words (the server's, untranslated by us)."""


@dataclass(frozen=True, slots=True)
class Complaint:
    """What PostgreSQL said, apart from values: its detail lines show whole rows."""

    state: str
    message: str
    column: str | None = None
    constraint: str | None = None

    @classmethod
    def of(cls, error: DBAPIError) -> Complaint:
        said = error.orig
        if not isinstance(said, Error):
            return cls("", str(said)[:TEXT_CAP])
        message = " ".join((said.diag.message_primary or str(said)).split())[:TEXT_CAP]
        return cls(_state(said, message), message, said.diag.column_name, said.diag.constraint_name)

    @classmethod
    def behind(cls, refusal: SyncError) -> Complaint:
        """What made us refuse."""
        assert isinstance(refusal.__cause__, DBAPIError)
        return cls.of(refusal.__cause__)


def _state(said: Error, message: str) -> str:
    if said.sqlstate is None and any(words in message for words in SAYS_CREDENTIALS):
        return "28000"
    return said.sqlstate or ""


def build_error(complaint: Complaint, call: Call) -> SyncError:
    """The error to raise: `PostgreSQL UPDATE assets/17: value too long for type character varying(40)`."""
    kind = kind_of(complaint.state, call.aim)
    return kind(f"PostgreSQL {call.method} {call.path}: {complaint.message}", status=complaint.state)


def kind_of(state: str, aim: Aim) -> type[SyncError]:
    return TABLE.get(state, TABLE.get(state[:2], AWAY))[aim]


def busy(call: Call, timeout: timedelta) -> str:
    """What to say where the pool gave no connection."""
    return (
        f"PostgreSQL {call.method} {call.path}: no connection became free within {timeout}; "
        "raise max_connections or run fewer activities at once"
    )
