"""Every workflow of this package by name: a per-integration one needs no line of registration."""

from __future__ import annotations

from collections.abc import Iterator
from importlib import import_module
from pkgutil import iter_modules
from types import ModuleType

import workflows
from workflows.backfill import BackfillWorkflow
from workflows.connection import ConnectionWorkflow
from workflows.match import MatchWorkflow
from workflows.pair import PairLoop
from workflows.poll import PollWorkflow
from workflows.stream import StreamWorkflow
from workflows.sweep import SweepWorkflow


def pair_workflows() -> dict[str, type[PairLoop]]:
    """What a declaration may name as its `workflow:`."""
    modules = [import_module(f"workflows.{module.name}") for module in iter_modules(workflows.__path__)]
    return {kind.__name__: kind for module in modules for kind in _defined_in(module)}


def all_workflows() -> list[type]:
    """What a worker registers."""
    return [
        *pair_workflows().values(),
        BackfillWorkflow,
        ConnectionWorkflow,
        MatchWorkflow,
        PollWorkflow,
        StreamWorkflow,
        SweepWorkflow,
    ]


def _defined_in(module: ModuleType) -> Iterator[type[PairLoop]]:
    """Not by `__subclasses__`: every sandbox adds a copy of its own to them."""
    for kind in vars(module).values():
        is_pair = isinstance(kind, type) and issubclass(kind, PairLoop) and kind is not PairLoop
        if is_pair and kind.__module__ == module.__name__:
            yield kind
