"""How deep a text nests is told from its bytes."""

import pytest

from gateway.depth import MOST_DEPTH, is_deeper


def nested(levels: int) -> bytes:
    return b'{"a":[' * (levels // 2) + b"1" + b"]}" * (levels // 2)


def test_what_nests_as_deep_as_allowed_is_taken_and_one_level_more_is_not() -> None:
    assert not is_deeper(nested(MOST_DEPTH))
    assert is_deeper(b"[" + nested(MOST_DEPTH) + b"]")


@pytest.mark.parametrize(
    "text",
    [
        b'{"title": "' + b"[{" * 500 + b'"}',
        b'{"title": "a \\" ' + b"[" * 500 + b'"}',
        b'["' + b'a\\"' * 300_000 + b"[" * 500,
        b'"\\',
        b"[]" * 5_000,
    ],
    ids=[
        "in a string",
        "behind an escaped quote",
        "in a string without an end",
        "a lone backslash",
        "side by side",
    ],
)
def test_what_only_looks_deep_is_not(text: bytes) -> None:
    assert not is_deeper(text)


def test_a_text_without_an_end_is_deep_all_the_same() -> None:
    assert is_deeper(b"[" * 1_000_000)
    assert is_deeper(b'{"\xff":' * 1_000)
