"""Custom policies: Python callables that plug-ins offer as entry points `accord.policies`.

What a policy is called with and may answer stands in `domain/deciding/custom.py`.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from importlib.metadata import EntryPoint, entry_points
from typing import Any, TypeAlias

GROUP = "accord.policies"
CustomPolicy: TypeAlias = Callable[..., Any]
log = logging.getLogger(__name__)


def custom_policies() -> dict[str, CustomPolicy]:
    """Every plug-in that can be loaded, by name; a broken one is logged and left out, its fields go to review."""
    loaded = {point.name: _loaded(point) for point in entry_points(group=GROUP)}
    return {name: policy for name, policy in loaded.items() if policy is not None}


def _loaded(point: EntryPoint) -> CustomPolicy | None:
    try:
        policy = point.load()
    except Exception:
        log.exception("the policy %r (%s) can't be loaded", point.name, point.value)
        return None
    if not callable(policy):
        log.error("the policy %r (%s) is no callable", point.name, point.value)
        return None
    return policy  # type: ignore[no-any-return] # what an entry point holds has no type
