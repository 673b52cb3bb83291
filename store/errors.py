"""What the store refuses, sorted like every error by what happens next (`domain/errors.py`)."""

from __future__ import annotations

from domain.errors import LookAgain


class AlreadyLinked(LookAgain):
    """One of the records is already an end of another active pair of this integration: `pair_id` names it."""

    def __init__(self, message: str, *, pair_id: str) -> None:
        super().__init__(message, pair_id=pair_id)
        self.pair_id = pair_id


class Fenced(LookAgain):
    """Another attempt holds this step, or has finished it: whatever this one did, it may not commit."""


class Moved(LookAgain):
    """A baseline has another revision than the one that this pass decided on."""


class PlanOpen(LookAgain):
    """The pair has an open plan already: it is looked at first (semantics §4.2)."""
