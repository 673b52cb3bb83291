"""docker-compose.yml as Compose reads it, as far as our own services go: what runs, in which environment, how it is checked."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

CHECKOUT = Path(__file__).parents[2]
FILE = CHECKOUT / "docker-compose.yml"

VARIABLE = re.compile(r"\$(?:(?P<dollar>\$)|\{(?P<name>\w+)(?P<rule>:[-?])?(?P<word>[^}]*)\})")
"""`$$`, `${NAME}`, `${NAME:-default}`, `${NAME:?what is missing}`. Source: compose specification, "Interpolation"."""


class Unset(LookupError):
    """A variable that must be set isn't."""


@dataclass(frozen=True, slots=True)
class Service:
    """One service that runs our image.

    Attributes:
        check: The health check's command; empty if it has none.
        needs: Services that come first.
        reads_secrets: Whether it gets `secrets.env`.
    """

    name: str
    command: tuple[str, ...]
    environment: Mapping[str, str]
    check: tuple[str, ...]
    needs: tuple[str, ...]
    reads_secrets: bool


def read() -> dict[str, Any]:
    """The file as it is written."""
    document: dict[str, Any] = yaml.safe_load(FILE.read_text())
    return document


def our_services(variables: Mapping[str, str]) -> dict[str, Service]:
    """The services that are built from this checkout, with `.env` put in.

    Raises:
        Unset: A required variable is missing.
    """
    written = interpolated(read()["services"], variables)
    return {name: _service(name, body) for name, body in written.items() if "build" in body}


def interpolated(value: Any, variables: Mapping[str, str]) -> Any:
    """The same value with every variable replaced."""
    if isinstance(value, str):
        return VARIABLE.sub(lambda match: _replacement(match, variables), value)
    if isinstance(value, list):
        return [interpolated(item, variables) for item in value]
    if isinstance(value, dict):
        return {key: interpolated(item, variables) for key, item in value.items()}
    return value


def _replacement(match: re.Match[str], variables: Mapping[str, str]) -> str:
    if match["dollar"]:
        return "$"
    found = variables.get(match["name"], "")
    if not found and match["rule"] == ":?":
        raise Unset(f"{match['name']}: {match['word']}")
    return found or (match["word"] if match["rule"] == ":-" else "")


def _service(name: str, body: Mapping[str, Any]) -> Service:
    kind, *check = body.get("healthcheck", {}).get("test", ["CMD"])
    assert kind == "CMD", f"{name}: the rehearsal runs no shell"
    return Service(
        name=name,
        command=tuple(body["command"]),
        environment=body["environment"],
        check=tuple(check),
        needs=tuple(body["depends_on"]),
        reads_secrets="env_file" in body,
    )
