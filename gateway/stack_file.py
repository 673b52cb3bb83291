"""`var/stack.json`: where the running stack is, so that the command line finds it from another terminal."""

from __future__ import annotations

import os
from pathlib import Path

from pydantic import BaseModel, SecretStr, ValidationError

from domain.errors import ConfigError
from integrations.settings import Settings

NAME = "stack.json"


class StackFile(BaseModel):
    """Addresses of a running stack. The database's URL may carry a password: the file is its owner's alone."""

    database_url: str
    temporal_address: str
    temporal_ui_url: str | None = None
    gateway_url: str | None = None
    connections_file: Path | None = None
    integrations_dir: Path | None = None

    def write(self, var: Path) -> Path:
        """Put it where `found` looks; readable by its owner only."""
        path, new = var / NAME, var / f"{NAME}.new"
        descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w") as file:
            file.write(self.model_dump_json(indent=2))
        new.replace(path)
        return path


def read_stack(var: Path) -> StackFile | None:
    """The stack that runs from this directory; None if none does.

    Raises:
        ConfigError: The file is damaged.
    """
    path = var / NAME
    if not path.exists():
        return None
    try:
        return StackFile.model_validate_json(path.read_bytes())
    except ValidationError as error:
        raise ConfigError(f"{path} is damaged; delete it and start the stack again by `accord up`") from error


def located(settings: Settings) -> Settings:
    """The settings, with the addresses of the running stack where the environment says none.

    Files that were named by the environment stay those.
    """
    stack = read_stack(settings.var)
    if stack is None:
        return settings
    kept = settings.model_fields_set
    found = {
        "database_url": SecretStr(stack.database_url),
        "temporal_address": stack.temporal_address,
        "temporal_ui_url": stack.temporal_ui_url,
        "connections_file": stack.connections_file,
        "integrations_dir": stack.integrations_dir,
    }
    missing = {name: value for name, value in found.items() if name not in kept and value is not None}
    return settings.model_copy(update=missing)
