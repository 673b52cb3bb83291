"""The words an owner writes, read into what the core knows.

Owners name a side by its connection (`servicenow`), the core by `a` and `b`. Which connection stands on which side
comes as pydantic's validation context, `{"sides": Pair("servicenow", "jira")}`; without one only `a` and `b` are
understood, as in a stored declaration.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Annotated, Any, TypeAlias, TypeVar

from pydantic import BeforeValidator, Field, ValidationInfo, WrapValidator

from domain.sides import SIDES, Pair, Side

T = TypeVar("T")


def names_in(info: ValidationInfo) -> Pair[str]:
    """The connections' names by side; the sides' own letters where the context gives none."""
    names: Pair[str] = (info.context or {}).get("sides", Pair("a", "b"))
    return names


def side_or_word(written: Any, info: ValidationInfo) -> Any:
    """The letter of a side that is written by its connection's name; anything else as it is."""
    names = names_in(info)
    named = [side for side in SIDES if names[side] == written]
    return named[0].value if len(named) == 1 and written not in SIDES else written


def read_side(written: Any, info: ValidationInfo) -> Any:
    """Read `a`, `b` or a connection's name.

    Raises:
        ValueError: No side has this name, or both have it.
    """
    word = side_or_word(written, info)
    if word in SIDES:
        return word
    names = names_in(info)
    if names.a == names.b == word:
        raise ValueError(f"both sides are {word!r} here: write a or b")
    raise ValueError(f"{word!r} is no side of this integration: write {' or '.join(dict.fromkeys(names))}")


def read_direction(written: Any, info: ValidationInfo) -> Any:
    """Read `servicenow_to_jira` as well as `a_to_b`."""
    names = names_in(info)
    spelled = {f"{names.b}_to_{names.a}": "b_to_a", f"{names.a}_to_{names.b}": "a_to_b"}
    return spelled.get(written, written) if isinstance(written, str) and names.a != names.b else written


def read_directions(written: Any, info: ValidationInfo) -> Any:
    """The same for the keys of a mapping."""
    if not isinstance(written, Mapping):
        return written
    return {read_direction(key, info): value for key, value in written.items()}


def each_side_once(written: Any, handler: Callable[[Any], Any]) -> Any:
    """Refuse a mapping that names one side by its letter and by its connection."""
    read = handler(written)
    if len(read) < len(written):
        raise ValueError(f"one side is named twice: {', '.join(map(str, written))}")
    return read


def single(written: Any) -> Any:
    """Refuse lists and mappings where one value is meant, in one sentence instead of one per possible type."""
    if isinstance(written, list | tuple | Mapping):
        raise ValueError(f"one single value belongs here, not {written!r}")  # noqa: TRY004 - pydantic's own error
    return written


Scalar: TypeAlias = Annotated[str | int | float | bool | None, BeforeValidator(single)]

SideText: TypeAlias = Annotated[str, Field(description="A side: its connection's name, or a, b.")]
SideWord: TypeAlias = Annotated[Side, BeforeValidator(read_side, json_schema_input_type=SideText)]
BySide: TypeAlias = Annotated[
    dict[SideWord, T], WrapValidator(each_side_once, json_schema_input_type=dict[str, T])
]
