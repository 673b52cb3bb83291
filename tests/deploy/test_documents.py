"""Documents for operators that repeat what the code says: they say it still."""

import importlib.util
import re
import sys
from types import ModuleType

import pytest

from domain.outcome import LogKind, Refusal
from gateway.cli import PANELS
from tests.deploy.compose import CHECKOUT

RUNBOOK = (CHECKOUT / "docs" / "runbook.md").read_text()


@pytest.fixture(scope="module")
def capabilities() -> ModuleType:
    spec = importlib.util.spec_from_file_location("capabilities", CHECKOUT / "deploy" / "capabilities.py")
    assert spec is not None
    assert spec.loader is not None
    module = sys.modules["capabilities"] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


async def test_the_limits_show_what_each_connector_declares(capabilities: ModuleType) -> None:
    written = capabilities.DOCUMENT.read_text()
    assert capabilities.put_in(written, await capabilities.table()) == written, (
        "run `python deploy/capabilities.py --write`"
    )


def test_every_connector_has_a_line_in_the_limits(capabilities: ModuleType) -> None:
    assert not capabilities.undescribed(), "give it a line in ROWS of deploy/capabilities.py"


def test_the_runbook_knows_every_alert_that_a_decision_or_a_match_can_raise() -> None:
    for kind in (*Refusal, LogKind.DUPLICATE_CANDIDATE):
        assert f"`{kind}`" in RUNBOOK


@pytest.mark.parametrize("command", sorted(set(re.findall(r"`accord ([a-z]+)", RUNBOOK))))
def test_the_runbook_names_commands_that_exist(command: str) -> None:
    verbs = {verb.__name__ for panel in PANELS.values() for verb in panel}
    assert command in verbs


@pytest.mark.parametrize("panel", PANELS)
def test_the_page_of_the_command_line_lists_every_verb(panel: str) -> None:
    page = (CHECKOUT / "docs" / "cli.md").read_text()
    rows = dict(re.findall(r"^\| (\w+) \| (`.*) \|$", page, re.MULTILINE))
    listed = set(re.findall(r"`([^`]+)`", rows[panel.lower()]))
    assert {verb.__name__ for verb in PANELS[panel]} <= listed


def test_the_readme_names_commands_that_exist() -> None:
    readme = (CHECKOUT / "README.md").read_text()
    verbs = {verb.__name__ for panel in PANELS.values() for verb in panel} | {"lab", "demo", "webhooks"}
    assert set(re.findall(r"(?:^|`|bin/)accord ([a-z]+)", readme, re.MULTILINE)) <= verbs
