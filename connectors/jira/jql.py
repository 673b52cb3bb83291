"""JQL, built so that no value can leave its quotes and no scope its brackets.

Source: Atlassian support, "Search syntax for text fields" and "JQL fields"; dates as epoch milliseconds are absolute,
quoted ones are minutes in the account's own time zone (seen in airbyte PR 48395).
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from pydantic import JsonValue

from connectors.jira.fields import FieldInfo, Schema
from domain.errors import ConfigError

ESCAPES = {"\\": "\\\\", '"': '\\"', "\n": "\\n", "\r": "\\r", "\t": "\\t"}
QUOTED = re.compile(r'"(?:\\.|[^"\\])*"|\'(?:\\.|[^\'\\])*\'')
PROJECT = re.compile(r'\s*project\s*=\s*"?([A-Z][A-Z0-9_]+)"?\s*')
EMPTY: tuple[JsonValue, ...] = (None, "", [])


def quote(text: str) -> str:
    """A JQL string literal."""
    return '"' + "".join(_escape(character) for character in text) + '"'


def _escape(character: str) -> str:
    if character in ESCAPES:
        return ESCAPES[character]
    return f"\\u{ord(character):04x}" if ord(character) < 32 else character


def phrase(text: str) -> str:
    """The operand of `~` for these words in this order: a quoted phrase inside the literal."""
    words = re.sub(r'[\\"\s]+', " ", text).strip()
    return quote(f'"{words}"')


def clause(info: FieldInfo, value: JsonValue) -> str:
    """A condition that every issue with this value meets. Text matches by words: compare what comes back.

    Raises:
        ConfigError: The field can't be searched by this value.
    """
    name = clause_name(info)
    if value in EMPTY:
        return f"{name} is EMPTY"
    if isinstance(value, list):
        return both(f"{name} = {_operand(info, element)}" for element in value)
    if is_text(info.schema_) and isinstance(value, str):
        return f"{name} ~ {phrase(value)}"
    return f"{name} = {_operand(info, value)}"


def clause_name(info: FieldInfo) -> str:
    """What JQL calls the field: `cf[10010]` for a custom one, whose name need not be unique.

    Raises:
        ConfigError: The site says that it can't be searched.
    """
    if info.clauses == ():
        raise ConfigError(f"Jira field {info.id} can't be searched")
    if info.id.startswith("customfield_"):
        return f"cf[{info.id.removeprefix('customfield_')}]"
    return info.clauses[0] if info.clauses else info.id


def is_text(schema: Schema) -> bool:
    """Whether JQL matches the field by words (`~`) and refuses `=`."""
    return schema.type == "string" and not (schema.custom or "").endswith(":url")


def _operand(info: FieldInfo, value: JsonValue) -> str:
    if isinstance(value, str):
        return quote(value)
    if isinstance(value, int | float) and not isinstance(value, bool):
        return str(value)
    raise ConfigError(f"Jira field {info.id} can't be searched by {value!r}")


def both(conditions: Iterable[str]) -> str:
    return " AND ".join(conditions)


def bracket(scope: str) -> str:
    """The scope as one condition among others.

    Raises:
        ConfigError: It would reach beyond its brackets, or orders the result.
    """
    bare = QUOTED.sub("", scope)
    if re.search(r"\border\s+by\b", bare, re.IGNORECASE):
        raise ConfigError(f"scope {scope!r}: leave out ORDER BY")
    if '"' in bare or "'" in bare or not is_balanced(bare):
        raise ConfigError(f"scope {scope!r}: a quote or bracket has no partner")
    return f"({scope})"


def names_project_of(scope: str, key: str) -> bool | None:
    """Whether an issue with this key lies in a scope that names one project by its key and nothing else; None if unsure.

    Keys of projects are in capitals; what isn't may be the project's name.
    """
    found = PROJECT.fullmatch(scope)
    return None if found is None else key.rpartition("-")[0] == found[1]


def is_balanced(text: str) -> bool:
    """Whether every bracket closes one opened before it."""
    depth = 0
    for character in text:
        depth += (character == "(") - (character == ")")
        if depth < 0:
            return False
    return depth == 0


def of_type(record_type: str, scope: str | None) -> list[str]:
    """The conditions that each query starts with. A record type is the name of an issue type."""
    conditions = [f"issuetype = {quote(record_type)}"]
    return conditions + ([bracket(scope)] if scope else [])
