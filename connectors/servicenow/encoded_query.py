"""Encoded queries, built so that a value can't add a condition, and checked so that none is lost.

An instance drops a condition that it doesn't understand, in silence, and answers with far more rows (unless
`glide.invalid_query.returns_no_rows` is set). So every condition of an owner's scope must be of a known form, and
its column must exist.

Source: ServiceNow documentation, "Table API" and "Encoded query strings".
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from pydantic import JsonValue

from connectors.servicenow.values import to_wire
from domain.errors import ConfigError

COLUMN = re.compile(r"[a-z][a-z0-9_]*(\.[a-z][a-z0-9_]*)*")
OPERATOR = re.compile(
    r"!=|>=|<=|=|>|<|NOT IN|IN|NOT LIKE|LIKE|STARTSWITH|ENDSWITH|ISEMPTY|ISNOTEMPTY|BETWEEN|SAMEAS|NSAMEAS|DYNAMIC|ON"
)

PLAIN = re.compile(r"([a-z][a-z0-9_]*)=([^=<>!]+)")
SYS_ID = re.compile(r"[0-9a-f]{32}")
UNREAD: list[JsonValue] = []
UNSAFE = re.compile(r"\^|javascript:", re.IGNORECASE)


def join(*conditions: str) -> str:
    """All of them must hold; empty ones count for nothing."""
    return "^".join(condition for condition in conditions if condition)


def check_column(name: str) -> str:
    """The name, if it can be one of a column (or a dot-walk to one).

    Raises:
        ConfigError: It can't.
    """
    if not COLUMN.fullmatch(name):
        raise ConfigError(f"{name!r} is not the name of a ServiceNow column")
    return name


def may_equal(column: str, value: JsonValue) -> str:
    """Rows whose column may equal the value: never fewer, sometimes more, so compare the answer.

    Equality ignores case. A caret can't be escaped, and `javascript:` would be run on the instance: of a value that
    holds one, any row that contains its longest harmless piece qualifies.
    """
    wanted = to_wire(check_column(column), value)
    if not wanted:
        return f"{column}ISEMPTY"
    pieces = UNSAFE.split(wanted)
    if len(pieces) == 1:
        return f"{column}={wanted}"
    piece = max(pieces, key=len)
    return f"{column}LIKE{piece}" if piece else f"{column}ISNOTEMPTY"


def is_any_of(column: str, values: Iterable[str]) -> str:
    """Rows whose column is one of these names or ids, which hold neither commas nor carets."""
    return f"{column}IN{','.join(values)}"


def scope_columns(scope: str) -> set[str]:
    """The columns that a scope's conditions stand on.

    Raises:
        ConfigError: A part is none that we know, or would break out of the query around it (`^NQ`, `ORDERBY`).
    """
    return {_condition_column(scope, part) for part in re.split(r"\^OR|\^", scope)}


def holds_plainly(scope: str, fields: Mapping[str, JsonValue]) -> bool | None:
    """Whether a row with these fields meets the scope; None unless it is made of `column=value` only, all of them read.

    Equality ignores case, as on the instance. A reference holds an id, and may be asked for by a name: that isn't plain.
    """
    verdicts = []
    for part in scope.split("^"):
        plain = PLAIN.fullmatch(part)
        if plain is None or isinstance(shown := fields.get(plain[1], UNREAD), dict | list):
            return None
        wanted, held = plain[2].lower(), "" if shown is None else str(shown).lower()
        if SYS_ID.fullmatch(held) and not SYS_ID.fullmatch(wanted):
            return None
        verdicts.append(held == wanted)
    return all(verdicts)


def _condition_column(scope: str, part: str) -> str:
    column = COLUMN.match(part)
    if part == "EQ" or (column and OPERATOR.match(part, column.end())):
        return column[0] if column else ""
    raise ConfigError(
        f"scope {scope!r}: {part!r} is no condition of the form column, operator, value; ServiceNow would drop it in "
        "silence. Sorting (ORDERBY) and new clauses (^NQ) can't stand in a scope"
    )
