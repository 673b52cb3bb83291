import pytest

from connectors.cursors import open_cursor, seal_cursor
from domain.errors import ConfigError

QUERY = {"type": "incident", "scope": "team=OPS"}


def test_a_cursor_gives_its_position_back() -> None:
    assert open_cursor(seal_cursor(QUERY, {"second": "12:00", "told": ["a"]}), QUERY) == {
        "second": "12:00",
        "told": ["a"],
    }


@pytest.mark.parametrize(
    "other", [{"type": "incident", "scope": None}, {"type": "problem", "scope": "team=OPS"}]
)
def test_a_cursor_is_refused_for_another_query(other: dict[str, str | None]) -> None:
    with pytest.raises(ConfigError, match="another query"):
        open_cursor(seal_cursor(QUERY, 3), other)


@pytest.mark.parametrize("text", ["", "3", "[]", "{}", "nonsense", '{"query": "x"}'])
def test_what_is_no_cursor_is_refused(text: str) -> None:
    with pytest.raises(ConfigError, match="not a cursor"):
        open_cursor(text, QUERY)
