"""How a case ended, the same for both runners."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, Self

from pydantic import BaseModel

from lab.scenarios.corpus import Case


class CaseResult(BaseModel):
    """One line of the table."""

    id: str
    title: str
    result: Literal["passed", "failed", "not run"]
    differences: list[str] = []
    """What was expected and what was found, one line each."""
    figures: list[str] = []
    """What was measured on the way, one line each."""
    reason: str = ""
    """The word of the case that the runner can't express."""
    seconds: float = 0.0

    @classmethod
    def of(cls, case: Case, differences: Sequence[str], seconds: float) -> Self:
        """Passed, unless something differs."""
        if differences:
            return cls.failed(case, differences, seconds)
        return cls(id=case.id, title=case.title, result="passed", seconds=seconds)

    @classmethod
    def failed(cls, case: Case, differences: Sequence[str], seconds: float) -> Self:
        return cls(
            id=case.id, title=case.title, result="failed", differences=list(differences), seconds=seconds
        )

    @classmethod
    def not_run(cls, case: Case, reason: str) -> Self:
        return cls(id=case.id, title=case.title, result="not run", reason=reason)
