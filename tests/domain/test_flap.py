from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from domain.flap import is_flapping
from domain.integration import Flap
from domain.records import FieldVersion, Origin
from tests.domain.builders import at

LIMIT = Flap(changes=5, within=timedelta(minutes=10))


def changes(values: Any, origin: Origin = Origin.AUTOMATION, step: float = 10) -> list[FieldVersion]:
    return [
        FieldVersion(field="x", value=value, at=at(number * step), origin=origin)
        for number, value in enumerate(values)
    ]


@pytest.mark.parametrize("origin", [Origin.AUTOMATION, Origin.ACCORD, Origin.UNKNOWN])
def test_to_and_fro_with_no_person_trips(origin: Origin) -> None:
    assert is_flapping(changes("ababab", origin), LIMIT, at(60))
    assert not is_flapping(changes("ababa", origin), LIMIT, at(60))


def test_round_and_round_trips_as_well() -> None:
    assert is_flapping(changes("abcabc"), LIMIT, at(60))
    assert is_flapping(changes("abcdabcd"), LIMIT, at(80))
    assert not is_flapping(changes("abcdabc"), LIMIT, at(80))


def test_a_person_in_between_is_no_flapping() -> None:
    versions = changes("abababab")
    versions[4] = versions[4].model_copy(update={"origin": Origin.PERSON})
    assert not is_flapping(versions, LIMIT, at(80))


@pytest.mark.parametrize("values", ["abcdefgh", "aaaaaaaa", "abcabdabe"])
def test_busy_is_not_flapping(values: str) -> None:
    assert not is_flapping(changes(values), LIMIT, at(90))


def test_slow_is_not_flapping() -> None:
    assert not is_flapping(changes("abababab", step=200), LIMIT, at(1500))


def test_changes_without_a_stamp_do_not_count() -> None:
    undated = [version.model_copy(update={"at": None}) for version in changes("abababab")]
    assert not is_flapping(undated, LIMIT, at(80))
