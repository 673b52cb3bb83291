"""`accord lab run`: the table, the JSON, and exit codes that mean something."""

import json
from pathlib import Path
from typing import Protocol

import pytest
from typer.testing import CliRunner, Result

from lab.command import app

GOOD = """
- {id: good, title: flows, given: {fields: {title: {policy: lww, base: [t, t]}}},
   events: [{t: 0, edit: A, set: {title: u}}], expect: {B: {title: u}}}
"""
BAD = """
- {id: bad, title: does not flow, given: {fields: {title: {policy: lww, base: [t, t]}}},
   events: [{t: 0, edit: A, set: {title: u}}], expect: {B: {title: t}}}
"""
BEYOND = "- {id: beyond, title: polls, given: {fields: {title: {base: [t, t]}}}, events: [{t: 0, poll: B}]}\n"
MALFORMED = "- {id: odd, given: {fields: {title: {policy: dice}}}}\n"


class RunInCore(Protocol):
    def __call__(self, cases: str, *options: str) -> Result: ...


@pytest.fixture
def core(tmp_path: Path) -> RunInCore:
    def run(cases: str, *options: str) -> Result:
        file = tmp_path / "cases.yaml"
        file.write_text(f"scenarios:\n{cases}")
        return CliRunner().invoke(app, ["run", str(file), "--core", *options])

    return run


def test_all_passed_is_zero_even_if_some_cannot_be_run(core: RunInCore) -> None:
    done = core(GOOD + BEYOND)
    assert done.exit_code == 0
    assert "1 passed, 1 not run" in done.output


def test_a_difference_is_shown_and_is_one(core: RunInCore) -> None:
    done = core(GOOD + BAD)
    assert done.exit_code == 1
    assert "B.title: expected 't', found 'u'" in done.output


def test_a_case_that_was_asked_for_and_cannot_be_run_is_one(core: RunInCore) -> None:
    assert core(GOOD + BEYOND, "--case", "beyond").exit_code == 1
    assert core(GOOD + BEYOND, "--case", "good").exit_code == 0


def test_a_malformed_case_is_named_and_does_not_keep_the_others_from_running(core: RunInCore) -> None:
    done = core(MALFORMED + GOOD)
    assert done.exit_code == 1
    assert "odd (case 1)" in done.output
    assert "1 passed, 1 malformed" in done.output


def test_an_unknown_case_or_a_file_that_is_none_is_a_wrong_call(core: RunInCore, tmp_path: Path) -> None:
    assert core(GOOD, "--case", "S999").exit_code == 2
    assert CliRunner().invoke(app, ["run", str(tmp_path / "none.yaml"), "--core"]).exit_code == 2


def test_programs_read_results_in_the_order_of_the_file(core: RunInCore) -> None:
    found = json.loads(core(GOOD + BAD + BEYOND, "--json").output)
    assert [(one["id"], one["result"]) for one in found["results"]] == [
        ("good", "passed"),
        ("bad", "failed"),
        ("beyond", "not run"),
    ]
