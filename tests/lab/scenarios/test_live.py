"""The live runner: what follows from the pure function also comes out of worker, gateway, store and HTTP."""

from pathlib import Path

import pytest
import yaml

from lab.scenarios.command import CORPUS
from lab.scenarios.corpus import Case, read_corpus
from lab.scenarios.live.able import why_not_live
from lab.scenarios.live.running import run_live
from lab.scenarios.results import CaseResult

pytestmark = [pytest.mark.stack, pytest.mark.timeout(600)]

REVIEWS_OF_THE_PRODUCT = {"S077", "S080"}
AT_THE_DOOR = {"S092", "S093", "S094", "S095"}
POLLED = {"S031", "S046"}
SEVERAL_PAIRS = {"S065", "S070", "S085"}
OUT_OF_ORDER = {"S083", "S084", "S089"}
CASES = [
    case
    for case in read_corpus(CORPUS).cases
    if case.check == "oracle"
    or case.id in REVIEWS_OF_THE_PRODUCT | POLLED | SEVERAL_PAIRS | AT_THE_DOOR | OUT_OF_ORDER
]
WRONG = """
id: wrong
given: {fields: {title: {policy: source, master: A, base: [t, t]}}}
events: [{t: 0, edit: A, set: {title: u}}, {t: 1, settle: true}]
expect: {B: {title: t}, writes: {B: 0}, log: [{field: title, kind: conflict}]}
"""


def wrong() -> Case:
    return Case.model_validate(yaml.safe_load(WRONG))


@pytest.fixture(scope="module")
async def results(tmp_path_factory: pytest.TempPathFactory) -> dict[str, CaseResult]:
    """All cases on one stack; the directory is open to the database's own user."""
    directory: Path = tmp_path_factory.mktemp("live")
    return {result.id: result async for result in run_live([*CASES, wrong()], directory)}


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
def test_a_case_ends_live_as_the_corpus_says(case: Case, results: dict[str, CaseResult]) -> None:
    result = results[case.id]
    assert (result.result, result.differences, result.reason) == ("passed", [], "")


def test_a_wrong_end_is_told_field_by_field(results: dict[str, CaseResult]) -> None:
    assert results["wrong"].result == "failed"
    assert results["wrong"].differences == [
        "B.title: expected 't', found 'u'",
        "log title: expected {'field': 'title', 'kind': 'conflict'}, found []",
        "writes B: expected 0, found 1",
    ]


def test_every_case_that_follows_from_the_pure_function_can_be_played() -> None:
    assert [case.id for case in CASES if why_not_live(case)] == []
