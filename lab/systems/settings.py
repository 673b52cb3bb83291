"""Everything that can be switched on a simulated system while it runs, in one flat model.

A system with capabilities of its own subclasses `Settings` and adds fields; they are then options of the command line
(`--option cas=false`) and of the control API without further code.
"""

import json
from collections.abc import Mapping
from typing import Any, Generic, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field

from lab.systems.database import Database


class AutomationRule(BaseModel):
    """When a save makes every value of `when` true (and they weren't before), `set` follows as an edit by "automation".

    With `same_save` the rule works inside the save that fired it, so a write's own response already shows it.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    when: dict[str, Any]
    set: dict[str, Any]
    same_save: bool = False
    record_type: str | None = None


class RateLimit(BaseModel):
    """A token bucket: `burst` requests at once, refilled at `per_second`."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    per_second: float = Field(gt=0)
    burst: int = Field(gt=0)


class Settings(BaseModel):
    """Times in seconds. Defaults are those of a well-behaved system."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    # clock
    skew: float = 0
    granularity: float = Field(default=1, ge=0)
    missing_stamps: bool = False
    # what happens to written values; "*" stands for every field
    store: dict[str, str] = {}  # field → "strip", "lower", "cut:255", or several joined by "|"
    valid: dict[str, list[Any]] = {}  # field → the only values that the API accepts
    refused: dict[str, Literal["named", "unnamed"]] = {}  # field → the API refuses it, naming it or not
    automation: list[AutomationRule] = []
    # reading
    search_lag: float = Field(default=0, ge=0)
    search_until: float | None = None  # epoch seconds, true time: searches know nothing that happened later
    gone_status: Literal[404, 410] = 410
    rate_limit: RateLimit | None = None
    # webhooks
    webhook_hold: bool = False
    webhook_delay: float = Field(default=0, ge=0)
    webhook_copies: int = Field(default=1, ge=1)
    webhook_drop_next: int = Field(default=0, ge=0)
    webhook_retries: int = Field(default=5, ge=0)
    webhook_backoff: float = Field(default=0.2, gt=0)
    webhook_timeout: float = Field(default=5, gt=0)
    webhook_parallel: int = Field(default=8, ge=1)


SettingsT_co = TypeVar("SettingsT_co", bound=Settings, covariant=True)


class Switches(Generic[SettingsT_co]):
    """The settings in force, kept on disk. Options given at the start win over what was kept."""

    def __init__(self, database: Database, model: type[SettingsT_co], options: Mapping[str, Any]) -> None:
        self._database = database
        self._model = model
        self._options = dict(options)
        kept = database.row("SELECT body FROM settings")
        self.now = model.model_validate((json.loads(kept[0]) if kept else {}) | self._options)

    def patch(self, changes: Mapping[str, Any]) -> SettingsT_co:
        """Change the named settings.

        Raises:
            ValidationError: A name that isn't a setting, or a value that it can't take; nothing is changed then.
        """
        return self._keep(self.now.model_dump() | dict(changes))

    def reset(self) -> SettingsT_co:
        """Back to the defaults and the options given at the start."""
        return self._keep(self._options)

    def _keep(self, values: Mapping[str, Any]) -> SettingsT_co:
        settings = self._model.model_validate(values)
        self._database.execute("INSERT OR REPLACE INTO settings VALUES (1, ?)", settings.model_dump_json())
        self.now = settings
        return settings
