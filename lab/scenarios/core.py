"""Runs cases against the pure function alone."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from time import monotonic

from lab.scenarios.comparison import compare
from lab.scenarios.corpus import Case
from lab.scenarios.oracle import NeverRests, run_core
from lab.scenarios.results import CaseResult
from lab.scenarios.simulation import NotForTheCore


async def run_in_core(cases: Sequence[Case]) -> AsyncIterator[CaseResult]:
    """Run all that the pure function can run; the others are told with the reason."""
    for case in cases:
        yield _result(case)


def _result(case: Case) -> CaseResult:
    started = monotonic()
    try:
        differences = [str(difference) for difference in compare(case, run_core(case))]
    except NotForTheCore as reason:
        return CaseResult.not_run(case, str(reason))
    except NeverRests as error:
        differences = [str(error)]
    return CaseResult.of(case, differences, monotonic() - started)
