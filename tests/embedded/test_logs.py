from pathlib import Path

import pytest

from embedded import logs


def test_the_end_of_a_log_is_shown(tmp_path: Path) -> None:
    log = tmp_path / "x.log"
    log.write_text("\n".join(f"line {n}" for n in range(100)))
    assert logs.last_lines(log, count=2) == "  line 98\n  line 99"


def test_no_log_shows_nothing(tmp_path: Path) -> None:
    assert logs.last_lines(tmp_path / "none.log") == ""


def test_an_overgrown_log_is_set_aside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(logs, "KEPT_BYTES", 10)
    log = tmp_path / "x.log"
    log.write_text("more than ten bytes")
    logs.rotate(log)
    assert not log.exists()
    assert (tmp_path / "x.log.1").read_text() == "more than ten bytes"


def test_a_small_log_is_kept(tmp_path: Path) -> None:
    log = tmp_path / "x.log"
    log.write_text("little")
    logs.rotate(log)
    assert log.read_text() == "little"
