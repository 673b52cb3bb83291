from pathlib import Path

import pytest

from domain.errors import ConfigError
from gateway.link_file import read_links


def a_file(tmp_path: Path, text: str, encoding: str = "utf-8") -> Path:
    path = tmp_path / "links.csv"
    path.write_text(text, encoding=encoding)
    return path


def test_lines_are_read_in_order_with_or_without_a_byte_order_mark(tmp_path: Path) -> None:
    text = 'b,A\r\nOPS-1,INC1\r\n\r\n"OPS-2", INC2 \r\n'
    for encoding in ("utf-8", "utf-8-sig"):
        rows = list(read_links(a_file(tmp_path, text, encoding)))
        assert [(row.line, row.keys.a, row.keys.b, row.problem) for row in rows] == [
            (2, "INC1", "OPS-1", ""),
            (4, "INC2", "OPS-2", ""),
        ]


@pytest.mark.parametrize(
    ("text", "words"),
    [("", "it is empty"), ("a,b,c\n1,2,3\n", "found: a, b, c"), ("INC1,OPS-1\n", "found: inc1, ops-1")],
)
def test_other_columns_are_an_error_that_names_them(tmp_path: Path, text: str, words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        list(read_links(a_file(tmp_path, text)))


def test_a_file_in_another_encoding_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="UTF-8"):
        list(read_links(a_file(tmp_path, "a,b\nGRÜN,1\n", "latin-1")))


def test_a_record_that_comes_twice_or_a_missing_key_is_the_lines_own_problem(tmp_path: Path) -> None:
    rows = list(read_links(a_file(tmp_path, "a,b\nINC1,OPS-1\ninc1,OPS-2\nINC3,\n")))
    assert [row.problem for row in rows] == ["", "inc1 is in line 2 already", "expected 2 keys, found INC3"]


def test_ten_thousand_lines_are_read_one_by_one(tmp_path: Path) -> None:
    lines = "".join(f"INC{n},OPS-{n}\n" for n in range(10_000))
    assert sum(not row.problem for row in read_links(a_file(tmp_path, f"a,b\n{lines}"))) == 10_000
