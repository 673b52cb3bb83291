import pytest

from connectors.scopes import is_within, parse_scope
from domain.errors import ConfigError


def test_every_part_must_hold() -> None:
    scope = parse_scope("team=OPS, floor=2")
    assert is_within({"team": "OPS", "floor": 2, "room": 4}, scope)
    assert not is_within({"team": "OPS"}, scope)


def test_truth_is_spelled_as_in_json() -> None:
    assert is_within({"active": True}, parse_scope("active=true"))
    assert not is_within({"active": False}, parse_scope("active=true"))
    assert not is_within({"active": None}, parse_scope("active=None"))


def test_no_scope_holds_everything() -> None:
    assert is_within({}, parse_scope(None))
    assert is_within({}, parse_scope(""))


@pytest.mark.parametrize("scope", ["team", "=OPS", "team=OPS,", "team=OPS, floor"])
def test_a_part_that_is_no_condition_is_refused(scope: str) -> None:
    with pytest.raises(ConfigError, match="field=value"):
        parse_scope(scope)
