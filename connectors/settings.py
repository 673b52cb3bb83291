"""What every connection over HTTP is configured with, and how a mistake in it is told."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any, Self, TypeAlias, TypeVar

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    HttpUrl,
    SecretStr,
    TypeAdapter,
    ValidationError,
    model_validator,
)

from connectors.addresses import is_forbidden
from domain.durations import Duration
from domain.errors import ConfigError


def plain_url(written: str) -> str:
    """An absolute http(s) address without credentials, query or closing slash.

    Raises:
        ValueError: It is none, or carries what belongs elsewhere.
    """
    url = TypeAdapter(HttpUrl).validate_python(written)
    if url.username or url.password or url.query or url.fragment:
        raise ValueError("write the address alone: no user, password, query or fragment")
    if is_forbidden(url.host or ""):
        raise ValueError(f"{url.host} is no system's address: link-local and cloud metadata are never asked")
    return str(url).rstrip("/")


Url: TypeAlias = Annotated[str, AfterValidator(plain_url)]


def reveal(written: Any) -> Any:
    """Unwrap secrets, so that each field decides itself whether it is one."""
    if isinstance(written, SecretStr):
        return written.get_secret_value()
    if isinstance(written, Mapping):
        return {key: reveal(value) for key, value in written.items()}
    return [reveal(value) for value in written] if isinstance(written, list | tuple) else written


class ConnectionSettings(BaseModel):
    """Frozen and strict: a key that the connector doesn't know is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    @model_validator(mode="before")
    @classmethod
    def _reveal(cls, written: Any) -> Any:
        return reveal(written)


class HttpSettings(ConnectionSettings):
    """Common to every connector that speaks HTTP."""

    url: Url
    timeout: Duration = timedelta(seconds=20)
    """For one request as a whole; must stay below the activity's own."""
    proxy: Url | None = None
    ca_file: Path | None = None
    """PEM bundle to trust instead of the public authorities."""
    max_connections: int = Field(default=20, ge=1, le=200)
    webhook_secrets: list[SecretStr] = Field(default_factory=list, max_length=2)
    """Both are accepted, so that a secret can be exchanged without losing a delivery."""

    @model_validator(mode="after")
    def _secrets_are_filled(self) -> Self:
        if any(not secret.get_secret_value() for secret in self.webhook_secrets):
            raise ValueError("webhook_secrets: a secret is empty")
        return self


SettingsT = TypeVar("SettingsT", bound=ConnectionSettings)


def read_settings(model: type[SettingsT], connection: str, settings: Mapping[str, Any]) -> SettingsT:
    """Validate a connection's settings.

    Raises:
        ConfigError: Names the connection and every wrong key, and shows no secret.
    """
    try:
        return model.model_validate(dict(settings))
    except ValidationError as error:
        mistakes = "; ".join(_spell(mistake["loc"], mistake["msg"]) for mistake in error.errors())
        known = ", ".join(model.model_fields)
        raise ConfigError(f"connection {connection}: {mistakes} (known settings: {known})") from None


def _spell(place: tuple[int | str, ...], message: str) -> str:
    return f"{'.'.join(map(str, place)) or 'settings'}: {message.removeprefix('Value error, ')}"
