"""Declarations, the conflict log, reviews, decisions, stopped units, alerts, losses, the audit trail."""

from __future__ import annotations

from typing import Any

from lab.chaos.memory.tables import Asked, Found, Row, add, answers, update
from store import alerts, audit, conflicts, decisions, integrations, losses, parked, reviews


@answers(integrations.ONE_AT_A_TIME, losses.LOCK)
def locked(asked: Asked) -> list[Any]:
    """There is one transaction at a time."""
    del asked
    return []


# ------------------------------------------------------------------------------------------------- declarations
@answers(integrations.APPLY)
def apply(asked: Asked) -> list[Any]:
    asked.tables.integrations[asked.given["name"], asked.given["version"]] = Row(asked.given)
    return []


@answers(integrations.CURRENT_OF)
def current_of(asked: Asked) -> list[Found]:
    rows = [row for (name, _), row in asked.tables.integrations.items() if name == asked.given["name"]]
    return [Found(name=row["name"], version=row["version"], source=row["source"]) for row in rows[-1:]]


@answers(integrations.SOURCE)
def source(asked: Asked) -> list[str]:
    row = asked.tables.integrations.get((asked.given["name"], asked.given["version"]))
    return [row["source"]] if row else []


# ---------------------------------------------------------------------------------------------------------- log
@answers(conflicts.APPEND)
def append(asked: Asked) -> list[int]:
    return [add(asked.tables.conflicts, {**asked.given, "at": asked.now})["id"]]


@answers(conflicts.LAST)
def last(asked: Asked) -> list[Found]:
    newest = {row["conflict_id"]: row for row in asked.tables.conflicts.values()}
    wanted = [newest[one] for one in asked.given["ids"] if one in newest]
    return [Found(conflict_id=row["conflict_id"], n=row["n"], line=row["line"]) for row in wanted]


@answers(conflicts.OF_PAIR)
def of_pair(asked: Asked) -> list[Row]:
    rows = [row for row in asked.tables.conflicts.values() if row["id"] > asked.given["after"]]
    return rows[::-1][: asked.given["most"]]


# ------------------------------------------------------------------------------------------------------ reviews
@answers(reviews.GET)
def get(asked: Asked) -> list[Row]:
    row = asked.tables.reviews.get(asked.given["token"])
    return [row] if row else []


@answers(reviews.KNOWN)
def known(asked: Asked) -> list[Row]:
    rows = asked.tables.reviews.values()
    return [row for row in rows if row["state"] == "open" or row["token"] in asked.given["tokens"]]


@answers(reviews.CLOSE)
def close(asked: Asked) -> list[Any]:
    for end in asked.given["ends"]:
        changes = {"state": "closed", "closed_at": asked.given["now"]}
        because = {"closed_because": end["because"], "moved_to": end["moved_to"]}
        update(asked.tables.reviews, end["token"], **changes, **because)
    return []


@answers(reviews.OPEN)
def open_(asked: Asked) -> list[Any]:
    fresh = {
        "state": "open",
        "closed_at": None,
        "closed_because": "",
        "moved_to": None,
        "decided_by": None,
    }
    rows = asked.tables.reviews
    for one in asked.given["rows"]:
        before = rows.get(one["token"], one)
        unchanged = {"pair_id": asked.given["pair"], "unit": before["unit"]}
        rows[one["token"]] = Row({**one, **unchanged, **fresh})
    return []


@answers(reviews.SETTLE)
def settle(asked: Asked) -> list[str]:
    row = asked.tables.reviews.get(asked.given["review"])
    if row is None or row["state"] != "open":
        return []
    decided = {"state": "decided", "decided_by": asked.given["person"], "closed_because": "decided"}
    update(asked.tables.reviews, row["token"], **decided, closed_at=asked.now)
    return [row["token"]]


@answers(reviews.WITHDRAW)
def withdraw(asked: Asked) -> list[str]:
    tokens = [row["token"] for row in asked.tables.reviews.values() if row["state"] == "open"]
    changes = {"state": "withdrawn", "closed_because": asked.given["reason"], "closed_at": asked.now}
    for token in tokens:
        update(asked.tables.reviews, token, **changes)
    return tokens


@answers(*reviews.MARK.values())
def mark(asked: Asked) -> list[Any]:
    """Deadlines aren't declared in a short life: this is never looked at."""
    del asked
    return []


# ---------------------------------------------------------------------------------------------------- decisions
@answers(decisions.RECORD)
def record(asked: Asked) -> list[int]:
    return [add(asked.tables.decisions, {**asked.given, "at": asked.now}, "n")["n"]]


@answers(decisions.OF_PAIR)
def decisions_of_pair(asked: Asked) -> list[Row]:
    return list(asked.tables.decisions.values())[::-1][: asked.given["most"]]


# ----------------------------------------------------------------------------------------- what stops, what is told
@answers(parked.PARK)
def park(asked: Asked) -> list[Any]:
    asked.tables.parked_units[asked.given["pair_id"], asked.given["unit"]] = Row(asked.given)
    return []


@answers(parked.RELEASE, parked.RELEASE_ALL)
def release(asked: Asked) -> list[str]:
    rows = asked.tables.parked_units
    wanted = asked.given.get("units")
    units = [unit for _, unit in list(rows) if wanted is None or unit in wanted]
    for unit in units:
        del rows[asked.given["pair_id"], unit]
    return units


@answers(alerts.RAISE)
def raise_(asked: Asked) -> list[int]:
    standing = (row for row in asked.tables.alerts.values() if row["cleared_at"] is None)
    if any(row["key"] == asked.given["key"] for row in standing):
        return []
    return [add(asked.tables.alerts, {**asked.given, "raised_at": asked.now, "cleared_at": None})["id"]]


def _clear(asked: Asked, rows: list[Row]) -> list[str]:
    for row in rows:
        update(asked.tables.alerts, row["id"], cleared_at=asked.now)
    return [row["key"] for row in rows]


@answers(alerts.CLEAR)
def clear(asked: Asked) -> list[str]:
    rows = asked.tables.alerts.values()
    return _clear(asked, [r for r in rows if r["cleared_at"] is None and r["key"] in asked.given["keys"]])


@answers(alerts.CLEAR_OTHERS)
def clear_others(asked: Asked) -> list[str]:
    given = asked.given
    standing = [row for row in asked.tables.alerts.values() if row["cleared_at"] is None]
    under = [row for row in standing if row["key"].startswith(given["prefix"])]
    return _clear(asked, [row for row in under if row["key"] not in given["keep"]])


@answers(losses.NOTE)
def note(asked: Asked) -> list[Any]:
    key = asked.given["pair_id"], asked.given["record_id"]
    asked.tables.losses.setdefault(key, Row(asked.given, allowed=False, sent=None))
    return []


@answers(losses.OF_PAIR)
def losses_of_pair(asked: Asked) -> list[Found]:
    names = ("record_id", "side", "allowed", "sent")
    return [Found(**{name: row[name] for name in names}) for row in asked.tables.losses.values()]


@answers(audit.APPEND)
def audit_append(asked: Asked) -> list[Any]:
    add(asked.tables.audit, {**asked.given, "at": asked.now})
    return []
