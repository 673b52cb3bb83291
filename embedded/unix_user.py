"""The user a child runs as: PostgreSQL refuses to run as root, so root hands it to somebody harmless."""

import os
import pwd
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import TypedDict

UNPRIVILEGED = ("postgres", "nobody")
"""Tried in this order; `nobody` is on every Unix."""


class RunAs(TypedDict):
    """The arguments by which subprocess changes the user."""

    user: int | None
    group: int | None
    extra_groups: list[int] | None


@dataclass(frozen=True, slots=True)
class UnixUser:
    """An account to run a child as."""

    uid: int
    gid: int

    def can_use(self, path: Path) -> bool:
        """Whether this user may enter that directory, or execute that file: asked of the kernel, ACLs and all."""
        answer = subprocess.run(  # noqa: S603  a fixed program, our own path
            ["/bin/sh", "-c", 'test -x "$0"', str(path)], cwd="/", check=False, **run_as(self)
        )
        return answer.returncode == 0


def run_as(user: UnixUser | None) -> RunAs:
    """Arguments for subprocess; None stays who we are."""
    if user is None:
        return RunAs(user=None, group=None, extra_groups=None)
    return RunAs(user=user.uid, group=user.gid, extra_groups=[])


def database_user(data: Path) -> UnixUser | None:
    """Whom PostgreSQL runs as: None (ourselves), or for root the owner of existing data, else an unprivileged user."""
    if os.geteuid() != 0:
        return None
    if data.exists() and (owner := data.stat()).st_uid != 0:
        return UnixUser(owner.st_uid, owner.st_gid)
    return _first_known(UNPRIVILEGED)


def _first_known(names: tuple[str, ...]) -> UnixUser:
    known = {entry.pw_name: entry for entry in pwd.getpwall()}
    account = next(known[name] for name in names if name in known)
    return UnixUser(account.pw_uid, account.pw_gid)
