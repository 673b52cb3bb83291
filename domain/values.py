"""Field values as systems show them, and their canonical form."""

from __future__ import annotations

import hashlib
import json
from enum import Enum
from typing import Any, Final, Literal, TypeAlias

from pydantic import JsonValue


class Missing(Enum):
    """The system has no such field. `None` is different: the field is there and empty."""

    MISSING = "missing"

    def __repr__(self) -> str:
        return "MISSING"

    def __bool__(self) -> Literal[False]:
        return False


MISSING: Final = Missing.MISSING

Value: TypeAlias = JsonValue | Missing
"""What a field of a record holds: any JSON value (a set is a list), or MISSING."""


def canonical(value: Any) -> str:
    """One text per value: sorted keys, no spaces. `1`, `"1"`, `true` and MISSING stay distinct."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, default=repr)


def same(left: Value, right: Value) -> bool:
    """Equal as JSON: unlike Python's `==`, `1` differs from `true` and `1.0` equals `1`."""
    if isinstance(left, bool) or isinstance(right, bool):
        return left is right
    if isinstance(left, (int, float)) and isinstance(right, (int, float)):
        return left == right
    return canonical(left) == canonical(right)


def digest(*parts: Any) -> str:
    """A short, stable id of the parts: 20 hexadecimal digits of SHA-256 over their canonical form."""
    return hashlib.sha256(canonical(list(parts)).encode()).hexdigest()[:20]
