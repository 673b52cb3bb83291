"""Where PostgreSQL's data and socket lie: below the stack's directory if that works, else below the temp directory.

It doesn't work when the socket's path is longer than the kernel takes, or when root runs the stack below a directory
that the unprivileged user, as whom PostgreSQL runs instead, may not enter.
"""

import hashlib
import os
import stat
import tempfile
from dataclasses import dataclass
from pathlib import Path

from embedded.errors import DataRefused
from embedded.unix_user import UnixUser, database_user

LONGEST_SOCKET = 100
"""Bytes. The kernel takes 107 on Linux and 103 on macOS."""

PORT = 5432
"""Only names the socket: nothing listens on TCP, so it's never in conflict."""


@dataclass(frozen=True, slots=True)
class PostgresHome:
    """The places, all closed to everybody but `user`.

    Attributes:
        root: Holds the data and, if it must, copies of the programs.
        sockets: The folder that libpq calls `host`.
        user: Whom PostgreSQL runs as; None for ourselves.
    """

    root: Path
    sockets: Path
    user: UnixUser | None

    @property
    def data(self) -> Path:
        return self.root / "data"

    @property
    def socket(self) -> Path:
        return self.sockets / f".s.PGSQL.{PORT}"

    @property
    def folders(self) -> tuple[Path, ...]:
        """What we made, to be deleted with all that's in it when the data are thrown away."""
        return tuple(dict.fromkeys((self.root, self.sockets.parent)))

    @property
    def data_major(self) -> int | None:
        """The major that made the data; None if there are none."""
        version = self.data / "PG_VERSION"
        return int(version.read_text()) if version.exists() else None


def make_home(var: Path) -> PostgresHome:
    """Choose the places for a stack's directory, always the same ones for the same directory, and make them.

    Raises:
        DataRefused: One of them belongs to another user.
    """
    wanted = var / "postgres"
    user = database_user(wanted)
    root = wanted if _may_enter(user, var) else _below_temp(var, user)
    sockets = root / "socket" if _is_short(root / "socket") else _below_temp(var, user) / "socket"
    home = PostgresHome(root, sockets, user)
    for folder in (*home.folders, sockets):
        _make_private(folder, user)
    return home


def _below_temp(var: Path, user: UnixUser | None) -> Path:
    name = f"accord-{hashlib.sha256(os.fsencode(var.resolve())).hexdigest()[:12]}"
    temp = Path(tempfile.gettempdir())
    if not (_may_enter(user, temp) and _is_short(temp / name / "socket")):
        temp = Path("/tmp")  # noqa: S108  what we make in it is closed to others, and its owner is checked
    return temp / name


def _may_enter(user: UnixUser | None, folder: Path) -> bool:
    return user is None or user.can_use(folder)


def _is_short(sockets: Path) -> bool:
    return len(os.fsencode(sockets / f".s.PGSQL.{PORT}")) <= LONGEST_SOCKET


def _make_private(folder: Path, user: UnixUser | None) -> None:
    if not os.path.lexists(folder):
        folder.mkdir(mode=0o700)
    if user is not None and folder.lstat().st_uid == os.geteuid():
        # Made by root, just now or before a crash in this very place.
        os.chown(folder, user.uid, user.gid, follow_symlinks=False)
    _refuse_foreign(folder, user)


def _refuse_foreign(folder: Path, user: UnixUser | None) -> None:
    # Below the temp directory anybody can make a folder of this name first, or a link by this name.
    found = folder.lstat()
    wanted = os.geteuid() if user is None else user.uid
    if found.st_uid != wanted or not stat.S_ISDIR(found.st_mode):
        raise DataRefused(
            f"{folder} belongs to user {found.st_uid}, but PostgreSQL would run as user {wanted}; run Accord as the user "
            "who made it, or move it away"
        )
    if found.st_mode & 0o077:
        raise DataRefused(f"{folder} is open to others; run `chmod 700 {folder}`")
