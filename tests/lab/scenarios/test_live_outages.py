"""Outages live: of a system, of Temporal, of the database. Nothing is lost, nothing is done twice.

The large one, four hours with 200 edits, is played by `accord lab run lab/scenarios/outages.yaml --case O01`.
"""

from pathlib import Path

import pytest

from lab.scenarios.command import CORPUS
from lab.scenarios.corpus import Case, read_corpus
from lab.scenarios.live.able import why_not_live
from lab.scenarios.live.running import run_live
from lab.scenarios.results import CaseResult

pytestmark = [pytest.mark.stack, pytest.mark.timeout(600)]

LARGE = {"O01"}
EVERY = read_corpus(CORPUS.with_name("outages.yaml"))
CASES = [case for case in EVERY.cases if case.id not in LARGE]


@pytest.fixture(scope="module")
async def results(tmp_path_factory: pytest.TempPathFactory) -> dict[str, CaseResult]:
    """All cases on one stack."""
    directory: Path = tmp_path_factory.mktemp("outages")
    return {result.id: result async for result in run_live(CASES, directory)}


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
def test_an_outage_costs_time_and_nothing_else(case: Case, results: dict[str, CaseResult]) -> None:
    result = results[case.id]
    assert (result.result, result.differences, result.reason) == ("passed", [], "")
    assert result.figures


def test_every_outage_can_be_played() -> None:
    assert EVERY.malformed == ()
    assert [case.id for case in EVERY.cases if why_not_live(case)] == []
