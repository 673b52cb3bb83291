import os
import shutil
import stat
from pathlib import Path

import pytest

from embedded.errors import DataRefused
from embedded.postgres_home import LONGEST_SOCKET, make_home


def test_data_and_socket_lie_below_the_stacks_directory(var: Path) -> None:
    home = make_home(var)
    assert home.data == var / "postgres" / "data"
    assert home.sockets.parent == var / "postgres"


def test_nobody_else_may_enter(var: Path) -> None:
    home = make_home(var)
    assert {stat.S_IMODE(folder.stat().st_mode) for folder in (*home.folders, home.sockets)} == {0o700}


def test_the_places_are_the_same_each_time(long_var: Path) -> None:
    assert make_home(long_var) == make_home(long_var)


def test_a_socket_whose_path_would_be_too_long_goes_below_the_temp_directory(long_var: Path) -> None:
    home = make_home(long_var)
    assert home.data.is_relative_to(long_var)
    assert len(os.fsencode(home.socket)) <= LONGEST_SOCKET


@pytest.mark.skipif(os.geteuid() != 0, reason="only root runs PostgreSQL as somebody else")
def test_below_a_closed_directory_roots_data_go_below_the_temp_directory_too(closed_var: Path) -> None:
    home = make_home(closed_var)
    assert home.user is not None
    assert not home.root.is_relative_to(closed_var)
    assert home.user.can_use(home.root.parent)


def test_a_link_in_the_place_of_a_folder_is_refused(var: Path, tmp_path: Path) -> None:
    (var / "postgres").symlink_to(tmp_path)
    with pytest.raises(DataRefused, match="postgres"):
        make_home(var)


def test_a_folder_open_to_others_is_refused_with_the_command_that_closes_it(var: Path) -> None:
    home = make_home(var)
    home.root.chmod(0o755)
    with pytest.raises(DataRefused, match=f"chmod 700 {home.root}"):
        make_home(var)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can make a folder for somebody else")
def test_data_stay_with_the_user_who_owns_them_when_root_takes_over(var: Path) -> None:
    (var / "postgres").mkdir(mode=0o700)
    shutil.chown(var / "postgres", user=12345, group=12345)
    home = make_home(var)
    assert home.user is not None
    assert home.user.uid == 12345


def test_the_major_of_the_data_is_read_from_them(var: Path) -> None:
    home = make_home(var)
    assert home.data_major is None
    home.data.mkdir()
    (home.data / "PG_VERSION").write_text("15\n")
    assert home.data_major == 15
