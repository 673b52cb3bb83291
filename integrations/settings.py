"""Settings of a deployment, from environment variables `ACCORD_*`."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any

from pydantic import BeforeValidator, Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict
from pydantic_settings.exceptions import SettingsError

from domain.errors import ConfigError

PREFIX = "ACCORD_"


def _listed(written: Any) -> Any:
    return [written] if isinstance(written, str) else written


class Settings(BaseSettings):
    """Where things are and how they are reached. Use `read_settings` for errors that people can act on."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, frozen=True, env_ignore_empty=True, extra="forbid")

    database_url: SecretStr | None = None
    """PostgreSQL, `postgresql://user:password@host/name`. None: the embedded one."""
    temporal_address: str | None = Field(default=None, pattern=r"^[^\s/]+:\d{1,5}$")
    """`host:port`. None: the embedded server."""
    temporal_ui_url: str | None = None
    """Of that server's web UI, for links that people follow."""
    temporal_namespace: str = "default"
    task_queue: str = "accord"
    sandbox: bool = True
    """Whether workflows run in the SDK's sandbox."""
    integrations_dir: Path = Path("integrations.d")
    connections_file: Path = Path("connections.yaml")
    gateway_host: str = "127.0.0.1"
    gateway_port: int = Field(default=8787, ge=0, le=65535)
    """0 takes a free port."""
    public_url: str | None = Field(default=None, pattern=r"^https?://[^\s?#]+$")
    """The gateway as systems see it, `https://accord.example.com`: where webhook subscriptions point."""
    sweep_every: timedelta = Field(default=timedelta(hours=6), ge=timedelta(seconds=10))
    """Between two sweeps of an integration, as ISO 8601 (`PT6H`) or in seconds."""
    schema_every: timedelta = Field(default=timedelta(minutes=15), ge=timedelta(seconds=1))
    """Between two looks at what a system says of a record type's fields and values; like `sweep_every`."""
    loopback_systems: bool | None = None
    """Whether connections may lead to this very machine. None: where Temporal stands on it too, as on a laptop."""
    api_token: SecretStr | None = None
    """Without one, the API answers on the loopback interface only."""
    notify: dict[str, Annotated[tuple[SecretStr, ...], BeforeValidator(_listed)]] = Field(
        default_factory=dict
    )
    """Apprise URLs by queue, as JSON: `{"ops": "slack://…", "service-desk": ["mailto://…"]}`."""
    decide_by_signal: bool = False
    """Whether plain Temporal signals may decide reviews, where a declaration doesn't say; `accord up` allows it."""
    health_file: Path | None = None
    """Touched by the worker while it is well, for health checks without a port."""
    var: Path = Path("var")
    """What the embedded stack keeps, and where the command line finds the running one."""


def read_settings() -> Settings:
    """The settings of this process.

    Raises:
        ConfigError: Names every variable that is wrong, never its value.
    """
    try:
        return Settings()
    except ValidationError as error:
        mistakes = [_spelled(detail["loc"], detail["msg"]) for detail in error.errors()]
        raise ConfigError("\n".join(mistakes)) from None  # the cause quotes values, which may be secret
    except SettingsError:
        raise ConfigError(f"{PREFIX}NOTIFY: no JSON object of queue and Apprise URL") from None


def _spelled(place: tuple[int | str, ...], message: str) -> str:
    variable, *inside = place
    where = "".join(f"[{step}]" for step in inside)
    return f"{PREFIX}{str(variable).upper()}{where}: {message[0].lower()}{message[1:]}"
