"""Short forms of a field's declaration, spelled out before the models read them.

Every function takes what stands in the file and gives the long form; what it doesn't understand it leaves to the
models' own errors.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Protocol

from pydantic import ValidationInfo

from domain.sides import SIDES, Side
from domain.values import canonical
from domain.wording import read_side, single


class BothDirections(Protocol):
    """A value map, as far as this module needs it."""

    def values_of(self, side: Side) -> tuple[Any, ...]: ...


def value_map(written: Any) -> Any:
    """`{"1": High, "2": High}` maps A to B; back, a value of B takes the first of A's that is listed for it."""
    if not isinstance(written, Mapping) or any(
        isinstance(v, Mapping | list | tuple) for v in written.values()
    ):
        return written
    return {"a_to_b": list(written.items()), "b_to_a": list(_first_back(written.items()))}


def _first_back(pairs: Iterable[tuple[Any, Any]]) -> Iterable[tuple[Any, Any]]:
    back: dict[str, tuple[Any, Any]] = {}
    for value_a, value_b in pairs:
        back.setdefault(canonical(value_b), (value_b, value_a))
    return back.values()


def entries(written: Any) -> Any:
    """A mapping as its pairs: unlike keys of JSON objects, values in pairs keep their type."""
    return tuple(written.items()) if isinstance(written, Mapping) else written


def unmapped(written: Any, info: ValidationInfo) -> Any:
    """`hold`, `{default: X}`, `{default: {servicenow: X, jira: Y}}`.

    Raises:
        ValueError: It can't be told which side a bare default belongs to.
    """
    if isinstance(written, str):
        return {"mode": written}
    if not isinstance(written, Mapping) or set(written) != {"default"}:
        return written
    default = written["default"]
    if isinstance(default, Mapping):
        return {"mode": "default", "defaults": tuple(default.items())}
    side = _home_of(single(default), info.data.get("values"))
    return {"mode": "default", "defaults": ((side, default),)}


def _home_of(default: Any, values: BothDirections | None) -> Side:
    known = {side: {canonical(v) for v in values.values_of(side)} for side in SIDES} if values else {}
    for side in (Side.B, Side.A):
        if canonical(default) in known.get(side, ()):
            return side
    raise ValueError(
        f"{default!r} is in neither side's values; say whose default it is: {{default: {{a: …}}}} or {{default: {{b: …}}}}"
    )


def per_side(written: Any, info: ValidationInfo) -> Any:
    """One list for both sides, or `{servicenow: […], jira: […]}`, as a pair of lists."""
    if isinstance(written, str):
        return ([written], [written])
    if isinstance(written, Mapping):
        by_side = {read_side(key, info): value for key, value in written.items()}
        return tuple(by_side.get(side.value, ()) for side in SIDES)
    if isinstance(written, list | tuple) and not any(isinstance(item, list | tuple) for item in written):
        return (written, written)
    return written
