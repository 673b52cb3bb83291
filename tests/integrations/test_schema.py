from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from jsonschema import Draft202012Validator

from integrations.schema import integration_schema, known_keys, schema_text

FOLDER = Path(__file__).parents[2] / "integrations"
EXAMPLE = FOLDER / "examples/servicenow_jira_incident.yaml"


def complaints(**changed: Any) -> list[str]:
    declaration = yaml.safe_load(EXAMPLE.read_text()) | changed
    return [error.message for error in Draft202012Validator(integration_schema()).iter_errors(declaration)]


def test_the_committed_schema_is_the_generated_one() -> None:
    assert (FOLDER / "integration.schema.json").read_text() == schema_text(), (
        "run `python -m integrations.schema`"
    )


def test_the_schema_is_one() -> None:
    Draft202012Validator.check_schema(integration_schema())


def test_the_example_validates() -> None:
    assert complaints() == []


@pytest.mark.parametrize(
    "field",
    [
        {"policy": {"source_priority": "jira"}},
        {"policy": [{"rules": [{"when": "true", "decide": {"value": 1, "side": "jira"}}]}, "review"]},
        {"policy": {"custom": "ours", "with": {"n": 1}}},
        {"values": {"a_to_b": {"1": "x"}, "b_to_a": {}}, "unmapped": {"default": {"jira": "x"}}},
        {"normalise": {"jira": ["trim"]}, "on_link": "jira", "flow": "servicenow_to_jira"},
        {"normalise": "trim", "unmapped": "blank"},
    ],
)
def test_every_form_that_owners_may_write_validates(field: Any) -> None:
    assert complaints(fields=[{"name": "x", "a": "x", "b": "y", **field}], groups=[]) == []


@pytest.mark.parametrize(
    "changed",
    [
        {"settel": "2s"},
        {"settle": 5},
        {"fields": [{"name": "x", "a": "x"}]},
        {"fields": [{"name": "x", "a": "x", "b": "y", "policy": "lastwritewins"}]},
        {"fields": [{"name": "x", "a": "x", "b": "y", "unmapped": "holdd"}]},
        {"limits": {"brake": 20}},
        {"limits": {"flap": "5 per 10m"}},
    ],
)
def test_an_editor_underlines_what_the_loader_refuses(changed: Any) -> None:
    assert complaints(**changed) != []


def test_known_keys_follow_the_owners_own_form() -> None:
    assert known_keys(("on_delete",)) == ["mode", "versus_edit", "grace", "archive"]
    assert known_keys(("fields", 3, "policy", 0)) == ["source_priority", "rules", "custom", "with"]
    assert known_keys(("fields", 0, "policy", "rules", 0, "decide")) == ["value", "side"]
    assert known_keys(("match", 0)) == []
