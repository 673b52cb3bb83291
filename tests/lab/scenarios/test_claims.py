"""Claims in words: which of them a program checks."""

from __future__ import annotations

import pytest

from domain.sides import Side
from lab.scenarios.command import CORPUS
from lab.scenarios.corpus import Given, read_corpus
from lab.scenarios.live.able import why_not_live
from lab.scenarios.live.claims import Claims, known, most_within_a_second
from lab.scenarios.live.rest import patience_for
from lab.scenarios.live.running import pace_of
from lab.scenarios.live.switches import rate_limit_of
from lab.scenarios.live.troubles import fault_of, scaled_pause


@pytest.mark.parametrize(
    ("words", "check"),
    [
        ("B equals A on all 200", Claims.converged),
        ("all 20 converge", Claims.converged),
        ("9 records converge", Claims.converged),
        ("<= 10 requests/s to B", Claims.within_rate),
        ("each record written once", Claims.written_once),
        ("no workflow failed", Claims.no_workflow_failed),
        ("no request to B within Retry-After", Claims.pause_kept),
        ("one alert, not one per record", Claims.one_alert),
        ("no lock-out storm: bounded 401s", Claims.few_refusals),
        ("no orphan link", Claims.no_orphan_link),
        ("the alert is cleared", Claims.alerts_cleared),
        ("no webhook is refused", Claims.no_webhook_refused),
        ("all 40 webhooks are refused, and none is sent again", Claims.webhooks_refused),
        ("cleared after the window", Claims.cleared_after),
        ("rate visible per field and system", Claims.rate_visible),
    ],
)
def test_a_claim_that_is_known_is_checked(words: str, check: object) -> None:
    assert [found for _, found in known(words)] == [check]


def test_an_alert_can_be_claimed_to_be_one_and_in_time() -> None:
    checks = [check for _, check in known("one alert raised within 60 s")]
    assert checks == [Claims.one_alert, Claims.raised_in_time]


def test_a_claim_for_readers_is_left_to_them() -> None:
    assert known("its unsent edit is listed") == []


@pytest.mark.parametrize("case", ["S082", "S083", "S084", "S089", "S091"])
def test_outages_limits_rotated_secrets_and_killed_databases_can_be_played(case: str) -> None:
    (found,) = [one for one in read_corpus(CORPUS).cases if one.id == case]
    assert why_not_live(found) is None


def test_a_rate_limit_is_the_systems_own_and_makes_the_run_patient() -> None:
    given = Given.model_validate({"pairs": 200, "rate_limit": {"B": "10/s"}})
    assert rate_limit_of(given, Side.A) is None
    assert rate_limit_of(given, Side.B) == {"per_second": 10, "burst": 10}
    assert patience_for(given) > patience_for(Given.model_validate({"pairs": 200}))


def test_the_densest_second_is_found_wherever_it_begins() -> None:
    assert most_within_a_second([]) == 0
    assert most_within_a_second([0.0, 1.0, 2.0]) == 1
    assert most_within_a_second([0.0, 0.9, 1.0, 1.1, 1.85, 3.0]) == 4


def test_an_outage_at_a_pace_hurries_the_worker_where_a_system_is_out() -> None:
    cases = {one.id: one for one in read_corpus(CORPUS.with_name("outages.yaml")).cases}
    assert (pace_of(cases["O01"]), pace_of(cases["O03"])) == (30, 1)


def test_an_asked_pause_runs_by_the_clock_of_the_run() -> None:
    assert [scaled_pause(seconds) for seconds in (1, 30, 90)] == [1, 1, 3]
    fault = fault_of("status", {"status": "B", "code": 429, "retry_after": 90})
    assert fault.headers == {"Retry-After": "3"}
