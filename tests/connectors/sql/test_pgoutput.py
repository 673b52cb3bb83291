"""Messages as the documentation of the protocol lays them out, byte by byte."""

from __future__ import annotations

import struct

import pytest

from connectors.sql.pgoutput import Begin, Change, Commit, Decoder
from domain.errors import ConfigError

BEGIN = b"B" + struct.pack("!QqI", 4711, 0, 815)
COMMIT = b"C\0" + struct.pack("!QQq", 4711, 4800, 0)


def relation(number: int, name: str, *columns: str) -> bytes:
    listed = b"".join(b"\1" + column.encode() + b"\0" + struct.pack("!Ii", 25, -1) for column in columns)
    return (
        b"R"
        + struct.pack("!I", number)
        + b"public\0"
        + name.encode()
        + b"\0d"
        + struct.pack("!H", len(columns))
        + listed
    )


def row(*values: str | bytes | None) -> bytes:
    """A text, None, or the bare letter of a value that isn't carried."""
    return struct.pack("!H", len(values)) + b"".join(map(_value, values))


def _value(value: str | bytes | None) -> bytes:
    if value is None:
        return b"n"
    if isinstance(value, bytes):
        return value
    return b"t" + struct.pack("!I", len(value.encode())) + value.encode()


@pytest.fixture
def decoder() -> Decoder:
    decoder = Decoder()
    assert decoder.read(relation(7, "ticket", "id", "title")) is None
    return decoder


def change(letter: bytes, *tuples: bytes, number: int = 7) -> bytes:
    return letter + struct.pack("!I", number) + b"".join(tuples)


def test_a_transaction_has_its_number_and_two_places(decoder: Decoder) -> None:
    assert decoder.read(BEGIN) == Begin(commit_at=4711, xid=815)
    assert decoder.read(COMMIT) == Commit(end=4800)


def test_an_inserted_row_has_its_columns_by_name(decoder: Decoder) -> None:
    told = decoder.read(change(b"I", b"N" + row("1", "緊急")))
    assert told == Change(("public", "ticket"), "insert", old=None, new={"id": "1", "title": "緊急"})


def test_a_value_that_is_not_carried_is_left_out_and_null_is_none(decoder: Decoder) -> None:
    told = decoder.read(change(b"U", b"N" + row("1", b"u")))
    assert told == Change(("public", "ticket"), "update", old=None, new={"id": "1"})
    told = decoder.read(change(b"U", b"N" + row("1", None)))
    assert told == Change(("public", "ticket"), "update", old=None, new={"id": "1", "title": None})


@pytest.mark.parametrize("letter", [b"K", b"O"])
def test_the_old_row_comes_as_key_or_whole(decoder: Decoder, letter: bytes) -> None:
    told = decoder.read(change(b"U", letter + row("1", None), b"N" + row("2", "x")))
    assert isinstance(told, Change)
    assert (told.old, told.new) == ({"id": "1", "title": None}, {"id": "2", "title": "x"})
    told = decoder.read(change(b"D", letter + row("1", None)))
    assert told == Change(("public", "ticket"), "delete", old={"id": "1", "title": None}, new=None)


def test_a_table_introduced_again_has_its_new_columns(decoder: Decoder) -> None:
    decoder.read(relation(7, "ticket", "id", "title", "room"))
    told = decoder.read(change(b"I", b"N" + row("1", "x", "room 1")))
    assert isinstance(told, Change)
    assert told.new == {"id": "1", "title": "x", "room": "room 1"}


@pytest.mark.parametrize("message", [b"Y...", b"O...", b"T...", b"M..."])
def test_messages_that_name_no_row_are_passed_over(decoder: Decoder, message: bytes) -> None:
    assert decoder.read(message) is None


@pytest.mark.parametrize(
    "data", [b"", b"B\0", change(b"I", b"N" + row("1", "x")[:-1]), change(b"I", b"N", number=8), b"\xff"]
)
def test_anything_else_is_an_error_and_shows_no_value(decoder: Decoder, data: bytes) -> None:
    with pytest.raises(ConfigError, match="that pgoutput doesn't send") as refused:
        decoder.read(data)
    assert "x" not in refused.value.message.removeprefix(
        "the log holds a message that pgoutput doesn't send: b'\\xff"
    )
