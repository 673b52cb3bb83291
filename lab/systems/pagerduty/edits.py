"""What a create or update of an incident asks for, as plain values."""

from collections.abc import Callable
from typing import Any, Final

from lab.systems.pagerduty.account import Account, Json
from lab.systems.refusals import Refused

STATUSES: Final = ("triggered", "acknowledged", "resolved")
URGENCIES: Final = ("high", "low")
LONGEST_TITLE: Final = 1024

Reader = Callable[[Account, Any], Any]


def created_values(account: Account, given: Json) -> Json:
    """The values of a new incident.

    Raises:
        Refused: `invalid_value`, naming the attribute.
    """
    for name in ("title", "service"):
        if not given.get(name):
            raise _invalid(name, f"{name.title()} cannot be empty")
    values = _read(account, given)
    if given.get("incident_key"):
        values["incident_key"] = str(given["incident_key"])
    return values | {"status": "triggered", "body": (given.get("body") or {}).get("details")}


def changed_values(account: Account, given: Json) -> Json:
    """The values that an update sets. Attributes that can't be changed, `body` among them, are left out without a word.

    Raises:
        Refused: `invalid_value`, naming the attribute.
    """
    return _read(account, given)


def _read(account: Account, given: Json) -> Json:
    values = {name: reader(account, given[name]) for name, reader in _READERS.items() if name in given}
    if "assignments" in given:
        values["assignees"] = [_assignee(account, one) for one in given["assignments"]]
    return values


def _title(account: Account, given: Any) -> str:  # noqa: ARG001 - a reader's signature
    if not isinstance(given, str) or not given.strip():
        raise _invalid("title", "Title cannot be empty")
    if len(given) > LONGEST_TITLE:
        raise _invalid("title", f"Title must be {LONGEST_TITLE} characters or less")
    return given


def _status(account: Account, given: Any) -> str:  # noqa: ARG001 - a reader's signature
    return _one_of("status", given, STATUSES)


def _urgency(account: Account, given: Any) -> str:  # noqa: ARG001 - a reader's signature
    return _one_of("urgency", given, URGENCIES)


def _priority(account: Account, given: Any) -> str | None:
    if given is None:
        return None
    asked = given.get("id") if isinstance(given, dict) else None
    for name, priority_id in account.settings.priorities.items():
        if priority_id == asked:
            return name
    raise _invalid("priority", "Priority does not exist")


def _service(account: Account, given: Any) -> str:
    asked = given.get("id") if isinstance(given, dict) else None
    if asked not in account.settings.services:
        raise _invalid("service", "Service does not exist")
    return str(asked)


def _resolution(account: Account, given: Any) -> str | None:  # noqa: ARG001 - a reader's signature
    return None if given is None else str(given)


_READERS: Final[dict[str, Reader]] = {
    "title": _title,
    "status": _status,
    "urgency": _urgency,
    "priority": _priority,
    "service": _service,
    "resolution": _resolution,
}


def _assignee(account: Account, given: Any) -> str:
    user_id = given["assignee"].get("id", "") if isinstance(given, dict) and "assignee" in given else ""
    name = account.person_by_id(user_id)
    if name is None:
        raise _invalid("assignments", "Assignee does not exist")
    return name


def _one_of(name: str, given: Any, known: tuple[str, ...]) -> str:
    if given not in known:
        raise _invalid(name, f"{name.title()} is invalid")
    return str(given)


def _invalid(name: str, message: str) -> Refused:
    return Refused("invalid_value", message, field=name, status=400)
