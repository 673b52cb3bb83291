import os
import re
from pathlib import Path

import pytest

from embedded.errors import AlreadyRunning
from embedded.ownership import Ownership


async def test_a_second_owner_is_refused_and_told_the_pid_of_the_first(tmp_path: Path) -> None:
    first = Ownership(tmp_path / "owner.lock")
    await first.acquire()
    with pytest.raises(AlreadyRunning, match=rf"{re.escape(str(tmp_path))} .*process {os.getpid()}"):
        await Ownership(tmp_path / "owner.lock").acquire()
    first.release()


async def test_a_released_directory_can_be_owned_again(tmp_path: Path) -> None:
    for _ in range(2):
        ownership = Ownership(tmp_path / "owner.lock")
        await ownership.acquire()
        ownership.release()


async def test_the_file_of_a_dead_owner_does_not_count(tmp_path: Path) -> None:
    (tmp_path / "owner.lock").write_text(f"{os.getpid()} 1.0\n")
    ownership = Ownership(tmp_path / "owner.lock")
    await ownership.acquire()
    ownership.release()
