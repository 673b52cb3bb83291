from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.vanishing import Around, is_mass, series, weigh_miss

NOW = datetime(2026, 11, 3, 12, tzinfo=UTC)
GRACE = timedelta(minutes=10)


@pytest.mark.parametrize(
    ("key", "expected"),
    [("OPS-7", "OPS-"), ("INC0010012", ""), ("42", ""), ("ops_2-1", "ops_2-"), ("9f3c-4a12", ""), ("", "")],
)
def test_a_series_is_what_a_number_hangs_on(key: str, expected: str) -> None:
    assert series(key) == expected


def test_a_canary_of_another_project_says_nothing() -> None:
    miss = weigh_miss("OPS-7", Around({"WEB-1": True}), NOW - timedelta(days=1), NOW, GRACE)
    assert (miss.since, miss.is_proof) == (None, False)


@given(
    shown=st.dictionaries(st.sampled_from(["OPS-1", "OPS-2", "WEB-1"]), st.booleans()),
    waited=st.none() | st.integers(0, 20),
)
def test_nothing_is_gone_without_a_readable_canary_for_the_whole_grace_period(
    shown: dict[str, bool], waited: int | None
) -> None:
    since = None if waited is None else NOW - timedelta(minutes=waited)
    miss = weigh_miss("OPS-7", Around(shown), since, NOW, GRACE)
    canary = any(readable for key, readable in shown.items() if key.startswith("OPS-"))
    assert miss.is_proof == (canary and waited is not None and waited >= 10)
    assert (miss.since is not None) == canary


@given(vanished=st.integers(0, 200), of=st.integers(0, 200), share=st.floats(0.01, 1))
def test_a_mass_is_more_than_ten_and_more_than_the_share(vanished: int, of: int, share: float) -> None:
    assert is_mass(vanished, of, share) == (vanished > 10 and vanished > share * of)
