"""What the embedded stack needs to know; every setting is an environment variable."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from embedded.errors import SettingRefused


@dataclass(frozen=True, slots=True, kw_only=True)
class EmbeddedSettings:
    """Where things lie and what somebody else already runs.

    Attributes:
        var: Everything that is kept, and the one thing that has one owner at a time (ACCORD_VAR).
        database_url: A PostgreSQL that somebody else runs; None runs one (ACCORD_DATABASE_URL).
        temporal_address: A Temporal server that somebody else runs, host:port; None runs one (ACCORD_TEMPORAL_ADDRESS).
        temporal_ui_url: The UI of that server, to be shown to people (ACCORD_TEMPORAL_UI_URL).
        temporal_port: Of our own server; 0 picks a free one (ACCORD_TEMPORAL_PORT).
        temporal_ui_port: Of our own UI; 0 picks a free one, None runs none (ACCORD_TEMPORAL_UI_PORT, `none`).
        postgres_bin: Folder of PostgreSQL's programs; None looks for one (ACCORD_POSTGRES_BIN).
        temporal_bin: The Temporal CLI; None looks for one (ACCORD_TEMPORAL_BIN).
        throwaway: For tests: nothing waits for the disk, and the data are deleted at the stop.
    """

    var: Path = Path("var")
    database_url: str | None = None
    temporal_address: str | None = None
    temporal_ui_url: str | None = None
    temporal_port: int = 7233
    temporal_ui_port: int | None = 8233
    postgres_bin: Path | None = None
    temporal_bin: Path | None = None
    throwaway: bool = False

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] = os.environ) -> Self:
        """Read the variables; an empty one counts as unset.

        Raises:
            SettingRefused: A port is no number.
        """
        ui_port = environment.get("ACCORD_TEMPORAL_UI_PORT")
        return cls(
            var=Path(environment.get("ACCORD_VAR") or "var"),
            database_url=environment.get("ACCORD_DATABASE_URL") or None,
            temporal_address=environment.get("ACCORD_TEMPORAL_ADDRESS") or None,
            temporal_ui_url=environment.get("ACCORD_TEMPORAL_UI_URL") or None,
            temporal_port=_port(environment, "ACCORD_TEMPORAL_PORT", 7233),
            temporal_ui_port=None
            if ui_port == "none"
            else _port(environment, "ACCORD_TEMPORAL_UI_PORT", 8233),
            postgres_bin=_path(environment, "ACCORD_POSTGRES_BIN"),
            temporal_bin=_path(environment, "ACCORD_TEMPORAL_BIN"),
        )

    @classmethod
    def for_tests(cls, var: Path) -> Self:
        """Free ports, no UI, nothing waits for the disk, nothing is kept."""
        return cls(var=var, temporal_port=0, temporal_ui_port=None, throwaway=True)


def _port(environment: Mapping[str, str], name: str, default: int) -> int:
    value = environment.get(name) or str(default)
    if not (value.isdecimal() and int(value) < 65_536):
        raise SettingRefused(f"{name}={value}: it must be a port, 1 to 65535, or 0 for a free one")
    return int(value)


def _path(environment: Mapping[str, str], name: str) -> Path | None:
    value = environment.get(name)
    return Path(value) if value else None
