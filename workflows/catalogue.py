"""Every workflow of this package by name: a per-integration one needs no line of registration."""

from __future__ import annotations

from collections.abc import Iterator
from importlib import import_module
from pkgutil import iter_modules

import workflows
from workflows.match import MatchWorkflow
from workflows.pair import PairLoop


def pair_workflows() -> dict[str, type[PairLoop]]:
    """What a declaration may name as its `workflow:`."""
    for module in iter_modules(workflows.__path__):
        import_module(f"workflows.{module.name}")
    return {kind.__name__: kind for kind in _below(PairLoop)}


def all_workflows() -> list[type]:
    """What a worker registers."""
    return [*pair_workflows().values(), MatchWorkflow]


def _below(kind: type[PairLoop]) -> Iterator[type[PairLoop]]:
    for child in kind.__subclasses__():
        yield child
        yield from _below(child)
