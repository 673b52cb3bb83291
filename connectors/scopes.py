"""Scopes for systems without a query language: `team=OPS, region=EU`, every part of which must hold."""

from __future__ import annotations

import json
from collections.abc import Mapping

from pydantic import JsonValue

from domain.errors import ConfigError


def parse_scope(scope: str | None) -> dict[str, str]:
    """Native field → the text it must hold; empty for no scope.

    Raises:
        ConfigError: A part isn't `field=value`.
    """
    parts = [part.partition("=") for part in scope.split(",")] if scope else []
    if any(not (name.strip() and sign) for name, sign, _ in parts):
        raise ConfigError(f"scope {scope!r} isn't of the form `field=value, field=value`")
    return {name.strip(): value.strip() for name, _, value in parts}


def is_within(fields: Mapping[str, JsonValue], scope: Mapping[str, str]) -> bool:
    """Whether a record with these fields lies in the scope."""
    return all(name in fields and _spelled(fields[name]) == value for name, value in scope.items())


def _spelled(value: JsonValue) -> str:
    """Text as it is, all else as JSON spells it: `true`, not `True`."""
    return value if isinstance(value, str) else json.dumps(value)
