"""Pairs, their ends and snapshots, and the one document that a pass begins with."""

from __future__ import annotations

from typing import Any

from pydantic_core import to_json

from domain.sides import SIDES, Side
from domain.values import same
from lab.chaos.memory.plans import open_plan
from lab.chaos.memory.tables import Asked, Found, Row, Tables, add, answers, update
from store import pairs, snapshots, work

VERSION = ("field", "value", "old", "at", "by", "origin", "sequence")


@answers(pairs.CREATE)
def create(asked: Asked) -> list[Any]:
    given, tables = asked.given, asked.tables
    fresh = {
        "link": "active",
        "link_reason": "",
        "state": [],
        "state_since": asked.now,
        "waits_for": "",
        "paused": False,
        "quarantine": None,
        "created_at": asked.now,
        "last_pass_at": None,
    }
    tables.pairs[given["id"]] = {name: given[name] for name in ("id", "integration", "version")} | fresh
    for end in given["ends"]:
        rest = {"pair_id": given["id"], "active": True, "snapshot_id": None, "outside_since": None}
        tables.pair_ends[given["id"], end["side"]] = {**end, **rest}
    return []


def pair_document(tables: Tables, pair_id: str) -> Row:
    ends = {side.value: _end(tables.pair_ends[pair_id, side.value]) for side in SIDES}
    return {**tables.pairs[pair_id], "ends": ends}


def _end(end: Row) -> Row:
    ref = {"connection": end["connection"], "record_type": end["record_type"], "id": end["record_id"]}
    return {"ref": ref, **{name: end[name] for name in ("key", "url", "outside_since")}}


@answers(pairs.GET)
def get(asked: Asked) -> list[Row]:
    pair_id = asked.given["pair_id"]
    return [pair_document(asked.tables, pair_id)] if pair_id in asked.tables.pairs else []


@answers(pairs.LOCK)
def lock(asked: Asked) -> list[str]:
    return [asked.given["pair_id"]]


@answers(pairs.UNLINK)
def unlink(asked: Asked) -> list[Any]:
    given, tables = asked.given, asked.tables
    if tables.pairs[given["pair"]]["link"] == "active":
        update(tables.pairs, given["pair"], link=given["link"], link_reason=given["reason"])
        for side in SIDES:
            update(tables.pair_ends, (given["pair"], side.value), active=False)
    return []


@answers(pairs.SET_STATE)
def set_state(asked: Asked) -> list[Any]:
    given, rows = asked.given, asked.tables.pairs
    before = rows[given["pair"]]
    changes: Row = {"state": given["states"], "waits_for": given["sentence"]}
    if before["state"] != given["states"]:
        changes["state_since"] = asked.now
    if given["passed"]:
        changes["last_pass_at"] = asked.now
    update(rows, given["pair"], **changes)
    return []


@answers(pairs.SET_PAUSED)
def set_paused(asked: Asked) -> list[Any]:
    update(asked.tables.pairs, asked.given["pair"], paused=asked.given["value"])
    return []


@answers(pairs.SET_QUARANTINE)
def set_quarantine(asked: Asked) -> list[Any]:
    update(asked.tables.pairs, asked.given["pair"], quarantine=asked.given["value"])
    return []


@answers(pairs.SET_VERSION)
def set_version(asked: Asked) -> list[Any]:
    update(asked.tables.pairs, asked.given["pair"], version=asked.given["value"])
    return []


@answers(work.LOAD)
def load(asked: Asked) -> list[bytes]:
    """As text, like PostgreSQL's: read as often as it is asked for."""
    pair_id, tables = asked.given["pair_id"], asked.tables
    pair = tables.pairs.get(pair_id)
    if pair is None:
        return []
    versions = [version for name, version in tables.integrations if name == pair["integration"]]
    document = {
        "pair": pair_document(tables, pair_id),
        "newest_version": max(versions),
        "brake": None,
        "connections": {side.value: None for side in SIDES},
        "baselines": {name: _baseline(row) for (_, name), row in tables.baselines.items()},
        "plan": open_plan(tables, pair_id),
        "reviews": sorted(
            (one for one in tables.reviews.values() if one["state"] == "open"), key=lambda one: one["unit"]
        ),
        "stopped": {
            unit: {"cause": row["cause"], "reason": row["reason"]}
            for (_, unit), row in tables.parked_units.items()
        },
        "alerted": any(one["cleared_at"] is None for one in tables.alerts.values() if one["pair_id"]),
        "overwritten": {side.value: _hits(tables, side) for side in SIDES},
        "last": {side.value: _last_of(tables, pair_id, side) for side in SIDES},
    }
    return [to_json(document)]


def _baseline(row: Row) -> Row:
    return {
        "natives": {"a": row["native_a"], "b": row["native_b"]},
        "baseline": {"a": row["half_a"], "b": row["half_b"], "revision": row["revision"]},
    }


def _hits(tables: Tables, side: Side) -> Row:
    rows = [row for (_, on, _), row in tables.overwritten.items() if on == side.value]
    return {row["field"]: {"version": row["version"], "ours": row["ours"]} for row in rows}


def _last_of(tables: Tables, pair_id: str, side: Side) -> Row | None:
    number = tables.pair_ends[pair_id, side.value]["snapshot_id"]
    return None if number is None else _snapshot(tables.snapshots[number])


def _snapshot(row: Row) -> Row:
    return {"id": row["id"], "hash": row["hash"], "snapshot": row["body"], "taken_at": row["taken_at"]}


# ---------------------------------------------------------------------------------------------------- snapshots
@answers(snapshots.GET)
def get_snapshots(asked: Asked) -> list[Row]:
    return [_snapshot(asked.tables.snapshots[number]) for number in asked.given["ids"]]


@answers(snapshots.LAST)
def last(asked: Asked) -> list[Found]:
    nothing = {"id": None, "hash": None, "snapshot": None, "taken_at": None}
    found = {side: _last_of(asked.tables, asked.given["pair_id"], side) for side in SIDES}
    return [Found(side=side.value, snapshot=row or nothing) for side, row in found.items()]


@answers(snapshots.SAVE)
def save(asked: Asked) -> list[Found]:
    pointed = [_save(asked, one) for one in asked.given["snapshots"]]
    done = {row.side for row in pointed if row is not None}
    for change in asked.given["changes"]:
        if change["side"] in done:
            add(asked.tables.field_versions, {"pair_id": asked.given["pair"], **change}, "n")
    return [row for row in pointed if row is not None]


def _save(asked: Asked, new: Row) -> Found | None:
    pair_id, tables = asked.given["pair"], asked.tables
    content = (new["side"], new["version"], new["hash"])
    kept = next(
        (one for one in tables.snapshots.values() if (one["side"], one["version"], one["hash"]) == content),
        None,
    )
    if kept is None:
        kept = add(tables.snapshots, {"pair_id": pair_id, **new, "taken_at": asked.now})
    else:
        update(tables.snapshots, kept["id"], taken_at=asked.now, body=new["body"])
    end = pair_id, new["side"]
    if tables.pair_ends[end]["snapshot_id"] != new["before"]:
        return None
    update(tables.pair_ends, end, snapshot_id=kept["id"], key=new["key"], url=new["url"])
    return Found(side=new["side"], snapshot_id=kept["id"])


@answers(snapshots.LAST_SHOWING)
def last_showing(asked: Asked) -> list[Found]:
    rows = [row for row in asked.tables.snapshots.values() if row["side"] == asked.given["side"]]
    found = []
    for one in asked.given["shown"]:
        shows = [row for row in rows if _shows(row, one["field"], one["value"])]
        if shows:
            found.append(Found(field=one["field"], snapshot=_snapshot(shows[-1])))
    return found


def _shows(row: Row, field: str, value: Any) -> bool:
    fields = row["body"]["fields"]
    return field in fields and same(fields[field], value)


@answers(snapshots.FIELD_HISTORY)
def field_history(asked: Asked) -> list[Found]:
    given = asked.given
    rows = [
        row for row in reversed(asked.tables.field_versions.values()) if row["field"] in given[row["side"]]
    ]
    return [
        Found(side=row["side"], version={name: row[name] for name in VERSION})
        for row in rows[: given["most"]]
    ]
