"""JSON Schema of what owners write, for their editors and for the loader's hints.

Generated from the models of `domain/integration.py`; `integrations/integration.schema.json` is its committed copy,
renewed by `python -m integrations.schema`. With `# yaml-language-server: $schema=PATH` as the first line of a
declaration, an editor checks it while it is typed.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import cache
from pathlib import Path as FilePath
from typing import Any

from domain.integration import Integration
from integrations.mistakes import Path

FILE = FilePath(__file__).with_name("integration.schema.json")
DIALECT = "https://json-schema.org/draft/2020-12/schema"


@cache
def integration_schema() -> dict[str, Any]:
    """The schema as a JSON object. Shared: don't change it."""
    return {"$schema": DIALECT, **Integration.model_json_schema(mode="validation", by_alias=True)}


def schema_text() -> str:
    """The committed file's content."""
    return json.dumps(integration_schema(), indent=2, ensure_ascii=False) + "\n"


def known_keys(path: Path) -> list[str]:
    """The keys that may stand at this place of a declaration, in the order of the models."""
    places = list(_variants(integration_schema()))
    for step in path:
        places = [
            variant for place in places for below in _below(place, step) for variant in _variants(below)
        ]
    return list(dict.fromkeys(key for place in places for key in place.get("properties", {})))


def _variants(schema: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """The schema itself and everything that it may be instead."""
    if "$ref" in schema:
        yield from _variants(integration_schema()["$defs"][schema["$ref"].rsplit("/", 1)[-1]])
        return
    yield schema
    for choice in (*schema.get("anyOf", ()), *schema.get("oneOf", ())):
        yield from _variants(choice)


def _below(place: dict[str, Any], step: str | int) -> Iterator[dict[str, Any]]:
    found = place.get("items") if isinstance(step, int) else place.get("properties", {}).get(step)
    found = found or (None if isinstance(step, int) else place.get("additionalProperties"))
    if isinstance(found, dict):
        yield found


if __name__ == "__main__":
    FILE.write_text(schema_text(), encoding="utf-8")
