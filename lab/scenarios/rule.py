"""The custom policy of the corpus: a CEL rule over `a`, `b`, `base` (native values) and `newer` (A, B or none).

It stands among the entry points `accord.policies`, as a project's own policy does.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from cel_expr_python import cel

VARIABLES = ("a", "b", "base", "newer")
ANSWERS = {
    "A": "a",
    "B": "b",
    "merged": "merged",
    "next": "next",
    "tie": "next",
    "none": "next",
    "review": "review",
}


def decide(params: Mapping[str, Any], facts: Mapping[str, Any]) -> str | dict[str, Any]:
    """Evaluate `params["rule"]`; its result names a side, `review`, `next`, `merged`, or `{value, side}`.

    Raises:
        ValueError: The rule has no result, or one that names nothing. The engine then asks a person.
    """
    result = _program(params["rule"]).eval(data=_variables(facts))
    if result.type() == cel.Type.ERROR:
        raise ValueError(f"the rule has no result: {result.value()}")
    said = result.plain_value()
    if isinstance(said, Mapping) and "value" in said:
        return {"value": said["value"], "side": str(said.get("side", "A")).lower()}
    if said not in ANSWERS:
        raise ValueError(f"the rule says {said!r}, which is none of {', '.join(ANSWERS)}")
    return ANSWERS[said]


def _variables(facts: Mapping[str, Any]) -> dict[str, Any]:
    newer = facts["newer"]
    return {
        "a": facts["a"]["value"],
        "b": facts["b"]["value"],
        "base": facts["base"]["a"],
        "newer": newer.upper() if newer in {"a", "b"} else newer,
    }


@lru_cache(maxsize=256)
def _program(rule: str) -> Any:
    return cel.NewEnv(variables=dict.fromkeys(VARIABLES, cel.Type.DYN)).compile(rule)
