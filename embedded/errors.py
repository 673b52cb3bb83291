"""What can keep the embedded stack from running: one class per recovery, so a caller never parses a message."""

from pathlib import Path


class EmbeddedError(Exception):
    """The stack can't run here as asked. The message says what, where, and what to do."""


class ProgramMissing(EmbeddedError):
    """A program isn't on this machine: install it or name it."""


class AlreadyRunning(EmbeddedError):
    """Somebody else owns the directory: stop that process or choose another directory."""


class PortInUse(EmbeddedError):
    """A configured port is taken: free it or change the setting."""


class DataRefused(EmbeddedError):
    """The data on disk was made by another version or user: bring that back or move the data away."""


class SettingRefused(EmbeddedError):
    """A setting can't be read: correct it."""


class Unreachable(EmbeddedError):
    """A service that somebody else runs doesn't answer: start it or correct its address."""


class ChildFailed(EmbeddedError):
    """A child didn't start, or died too often: its log says why.

    Attributes:
        name: The child's name.
        log_file: Where its whole output stands; the message carries the last lines.
    """

    def __init__(self, name: str, reason: str, log_file: Path, last_lines: str) -> None:
        self.name = name
        self.log_file = log_file
        super().__init__(f"{name} {reason}; its log, {log_file}, ends with:\n{last_lines or '(nothing)'}")
