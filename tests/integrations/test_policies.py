from __future__ import annotations

import logging
from collections.abc import Callable
from importlib.metadata import EntryPoint
from typing import Any

import pytest

from integrations import policies


@pytest.fixture
def installed(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    def install(**targets: str) -> None:
        points = [EntryPoint(name, target, policies.GROUP) for name, target in targets.items()]
        monkeypatch.setattr(policies, "entry_points", lambda group: [p for p in points if p.group == group])

    return install


def test_policies_are_found_by_the_name_of_their_entry_point(installed: Any) -> None:
    installed(longer="builtins:len")
    assert policies.custom_policies() == {"longer": len}


@pytest.mark.parametrize("target", ["no.such.module:decide", "builtins:nothing", "math:pi"])
def test_a_broken_plug_in_is_reported_and_the_others_work(
    installed: Any, target: str, caplog: pytest.LogCaptureFixture
) -> None:
    installed(broken=target, fine="builtins:len")
    with caplog.at_level(logging.ERROR):
        assert set(policies.custom_policies()) == {"fine"}
    assert f"the policy 'broken' ({target})" in caplog.text
