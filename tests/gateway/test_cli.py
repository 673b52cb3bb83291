"""The command line where nothing runs: what it says, and how it ends."""

import json
import os
from collections.abc import Callable
from importlib.metadata import EntryPoint
from pathlib import Path

import pytest

from embedded.ports import LOOPBACK
from gateway import cli
from gateway.stack_file import StackFile
from integrations.settings import PREFIX

Said = Callable[..., tuple[int, str]]

DECLARATION = """
name: tickets
a: {connection: left, record_type: ticket}
b: {connection: right, record_type: ticket}
fields:
  - {name: title, a: title, b: summary, policy: [{source_priority: left}]}
  - {name: priority, a: priority, b: urgency, values: {"1": High, "2": Low}}
"""
CONNECTIONS = "left: {system: memory}\nright: {system: memory}\n"


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An owner's directory with a declaration and two connections; nothing of ours in the environment."""
    for name in [name for name in os.environ if name.startswith(PREFIX)]:
        monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "tickets.yaml").write_text(DECLARATION)
    (tmp_path / "connections.yaml").write_text(CONNECTIONS)
    return tmp_path


@pytest.fixture
def said(home: Path, capfd: pytest.CaptureFixture[str]) -> Said:
    """Runs a command: its exit code, and all that it said."""

    def run(*words: str) -> tuple[int, str]:
        code = cli.run(words)
        told = capfd.readouterr()
        return code, told.out + told.err

    return run


def test_help_names_the_verbs_and_ends_well(said: Said) -> None:
    code, text = said("--help")
    assert code == 0
    assert not [verb for verb in ("up", "plan", "approve", "history") if f" {verb} " not in text]


def test_wrong_usage_ends_with_2(said: Said) -> None:
    assert said("show")[0] == 2
    assert said("pairs", "--colour")[0] == 2
    assert said("pause")[0] == 2
    assert said("override", "OPS-1", "--value", "x")[0] == 2


def test_without_a_running_stack_it_says_how_to_start_one(said: Said) -> None:
    code, text = said("pairs")
    assert (code, "accord up" in text, "Traceback" in text) == (1, True, False)


def test_a_database_that_does_not_answer_ends_with_3(said: Said, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ACCORD_DATABASE_URL", f"postgresql://u:pa55@{LOOPBACK}:1/accord")
    monkeypatch.setenv("ACCORD_TEMPORAL_ADDRESS", f"{LOOPBACK}:1")
    code, text = said("show", "INC0012")
    assert (code, text.count("\n")) == (3, 1)
    assert "ACCORD_DATABASE_URL" in text
    assert "pa55" not in text


def test_the_running_stack_is_found_by_its_file(home: Path, said: Said) -> None:
    (home / "var").mkdir()
    url = f"postgresql://u@{LOOPBACK}:1/elsewhere"
    path = StackFile(database_url=url, temporal_address=f"{LOOPBACK}:1").write(home / "var")
    assert path.stat().st_mode & 0o077 == 0
    code, text = said("pairs")
    assert (code, "elsewhere" in text) == (3, True)
    path.write_text("{")
    assert said("pairs")[0] == 1


@pytest.mark.parametrize("verb", ["check", "ownership", "rehearse", "plan", "apply"])
def test_a_wrong_declaration_is_told_with_its_line(home: Path, said: Said, verb: str) -> None:
    (home / "tickets.yaml").write_text(DECLARATION.replace("b: summary", "bb: summary"))
    code, text = said(verb, "tickets.yaml")
    assert (code, "tickets.yaml:6:" in text, "Traceback" in text) == (1, True, False)


def test_a_missing_secret_is_told_by_its_name(home: Path, said: Said) -> None:
    (home / "connections.yaml").write_text("left: {system: memory, user: '${env:NO_SUCH_SECRET}'}\n")
    code, text = said("check", "tickets.yaml")
    assert (code, "NO_SUCH_SECRET" in text) == (1, True)


def test_a_declaration_that_is_not_there_is_told(said: Said) -> None:
    code, text = said("check", "incidents")
    assert (code, "no declaration 'incidents'" in text) == (1, True)


def test_check_asks_the_live_systems_and_fails_on_errors(home: Path, said: Said) -> None:
    assert said("check", "tickets.yaml")[0] == 0
    (home / "connections.yaml").write_text("left: {system: memory}\n")
    code, text = said("check", "tickets.yaml")
    assert (code, "no connection 'right'" in text) == (1, True)


def test_a_system_that_does_not_answer_is_a_finding(home: Path, said: Said) -> None:
    dead = f"left: {{system: plain, url: 'http://{LOOPBACK}:1', token: t}}\nright: {{system: memory}}\n"
    (home / "connections.yaml").write_text(dead)
    code, text = said("check", "tickets.yaml", "--json")
    findings = json.loads(text)
    assert code == 0
    assert [f["path"] for f in findings if "couldn't be asked" in f["message"]] == ["a"]


def test_ownership_is_told_in_the_systems_names(said: Said) -> None:
    code, text = said("ownership", "tickets.yaml", "--json")
    assert code == 0
    assert [row["field"] for row in json.loads(text)] == ["title", "priority"]
    assert said("ownership", "tickets.yaml")[0] == 0


def test_a_rehearsal_that_departs_from_the_record_fails(home: Path, said: Said) -> None:
    assert said("rehearse", "tickets.yaml", "--record")[0] == 0
    assert said("rehearse", "tickets.yaml")[0] == 0
    (home / "tickets.yaml").write_text(DECLARATION.replace("source_priority: left", "source_priority: right"))
    code, text = said("rehearse", "tickets.yaml")
    assert (code, "not as recorded" in text) == (1, True)


def test_a_broken_plug_in_is_one_line_and_breaks_nothing(said: Said, monkeypatch: pytest.MonkeyPatch) -> None:
    broken = EntryPoint("broken", "no.such.module:app", cli.GROUP)
    monkeypatch.setattr(cli, "entry_points", lambda **_: [broken])
    code, text = said("--help")
    assert (code, text.count("no.such.module")) == (0, 1)
    assert "no.such.module" not in said("ownership", "tickets.yaml")[1]


def test_a_bug_keeps_its_traceback(said: Said, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr("gateway.declarations.read_declaration", broken)
    with pytest.raises(ZeroDivisionError):
        said("check", "tickets.yaml")
