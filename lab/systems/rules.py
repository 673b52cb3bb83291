"""What a system does to values on its own: normalise what is stored, refuse what it doesn't take, run automations."""

from collections.abc import Iterator
from typing import Any

from lab.systems.refusals import Refused
from lab.systems.settings import AutomationRule, Settings

EVERY_FIELD = "*"


def as_stored(settings: Settings, fields: dict[str, Any]) -> dict[str, Any]:
    """The values as the system keeps them, by the `store` rule of each field; only text is touched."""
    return {field: _stored(settings, field, value) for field, value in fields.items()}


def _stored(settings: Settings, field: str, value: Any) -> Any:
    rules = settings.store.get(field, settings.store.get(EVERY_FIELD, ""))
    if not rules or not isinstance(value, str):
        return value
    for rule in rules.split("|"):
        value = _apply(rule, value)
    return value


def _apply(rule: str, value: str) -> str:
    name, _, length = rule.partition(":")
    match name:
        case "strip":
            return value.strip()
        case "lower":
            return value.lower()
        case "cut":
            return value[: int(length)]
        case _:
            return value


def check_fields(settings: Settings, fields: dict[str, Any]) -> None:
    """Refuse what the API doesn't take.

    Raises:
        Refused: `refused_field`, with the field unless the setting says it stays unnamed; `invalid_value` with the field.
    """
    for field, value in fields.items():
        if manner := settings.refused.get(field):
            named = manner == "named"
            raise Refused(
                "refused_field",
                f"field {field} can't be set" if named else "the request can't be processed",
                field=field if named else None,
            )
        if field in settings.valid and value is not None and value not in settings.valid[field]:
            raise Refused("invalid_value", f"{value!r} is not a valid value of {field}", field=field)


def triggered(
    rules: list[AutomationRule], record_type: str, old: dict[str, Any], new: dict[str, Any]
) -> Iterator[AutomationRule]:
    """The rules whose condition this save made true; a condition that already held doesn't fire again."""
    for rule in rules:
        if rule.record_type in {None, record_type} and _holds(rule, new) and not _holds(rule, old):
            yield rule


def _holds(rule: AutomationRule, fields: dict[str, Any]) -> bool:
    return all(field in fields and fields[field] == value for field, value in rule.when.items())
