"""What Temporal does next with each of our errors."""

from datetime import timedelta

import pytest
from temporalio.exceptions import ApplicationErrorCategory

from activities.failures import MESSAGE_CAP, as_failure
from domain.errors import (
    ConfigError,
    RateLimited,
    RecordHidden,
    RecordRejected,
    StaleVersion,
    SyncError,
    SystemUnavailable,
)


@pytest.mark.parametrize("error", [SystemUnavailable("out"), StaleVersion("old")])
def test_what_may_work_later_is_retried_and_no_error_in_the_logs(error: SyncError) -> None:
    failure = as_failure(error)
    assert not failure.non_retryable
    assert failure.category is ApplicationErrorCategory.BENIGN


@pytest.mark.parametrize("error", [RecordRejected("no"), RecordHidden("no"), ConfigError("no")])
def test_what_needs_help_is_not_retried(error: SyncError) -> None:
    failure = as_failure(error)
    assert failure.non_retryable
    assert failure.type == type(error).__name__


def test_a_pause_that_the_system_asked_for_is_kept() -> None:
    assert as_failure(RateLimited("429", retry_after=timedelta(seconds=7))).next_retry_delay == timedelta(
        seconds=7
    )


def test_a_whole_error_page_is_cut() -> None:
    assert len(as_failure(SystemUnavailable("x" * 100_000)).message) == MESSAGE_CAP
