"""Log files of children: appended to over runs, bounded, read from the end."""

from pathlib import Path

KEPT_BYTES = 10_000_000
"""A log larger than this at a start becomes `<name>.log.1`, in place of an older one."""

TAIL_BYTES = 20_000


def rotate(log_file: Path) -> None:
    """Set an overgrown log aside, so that a stack that is started every day doesn't fill the disk."""
    if log_file.exists() and log_file.stat().st_size > KEPT_BYTES:
        log_file.replace(log_file.with_name(f"{log_file.name}.1"))


def last_lines(log_file: Path, count: int = 20) -> str:
    """The end of a log, indented for an error message; empty if there is no log."""
    if not log_file.exists():
        return ""
    with log_file.open("rb") as log:
        log.seek(max(0, log_file.stat().st_size - TAIL_BYTES))
        lines = log.read().decode(errors="replace").splitlines()
    return "\n".join(f"  {line}" for line in lines[-count:])
