"""Whatever stands in a file, the loader answers with an integration or with mistakes that have a place."""

from __future__ import annotations

from copy import deepcopy
from pathlib import Path
from typing import Any

import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.integration import Integration
from integrations.loader import parse_integration
from integrations.mistakes import DeclarationError

EXAMPLE = yaml.safe_load(
    (Path(__file__).parents[2] / "integrations/examples/servicenow_jira_incident.yaml").read_text()
)


def places(node: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    items = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()
    return [path, *(place for key, value in items for place in places(value, (*path, key)))]


def refusal(text: str) -> DeclarationError | None:
    try:
        parse_integration(text)
    except DeclarationError as error:
        return error
    return None


words = st.sampled_from(
    ["a", "jira", "review", "merge", "hold", "", "a_to_b", "5 in 10m", "1h", "20%", "value"]
)
scalars = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | words
anything = st.recursive(
    scalars | st.text(st.characters(codec="ascii", min_codepoint=32), max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(scalars, inner, max_size=3),
    max_leaves=5,
)


@settings(max_examples=150, deadline=None)
@given(place=st.sampled_from(places(EXAMPLE)), written=anything)
def test_any_value_in_any_place_is_read_or_refused_with_its_place(
    place: tuple[Any, ...], written: Any
) -> None:
    declaration = deepcopy({"it": EXAMPLE})
    parent: Any = declaration
    for step in ("it", *place)[:-1]:
        parent = parent[step]
    parent[("it", *place)[-1]] = written
    text = yaml.safe_dump(declaration["it"], sort_keys=False)
    found = refusal(text)
    if found is None:
        rules = parse_integration(text)
        assert Integration.model_validate_json(rules.model_dump_json()) == rules
    else:
        assert found.mistakes
        assert all(1 <= mistake.line <= len(text.splitlines()) + 1 for mistake in found.mistakes)
