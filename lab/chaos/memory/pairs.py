"""Pairs, their ends and snapshots, and the one document that a pass begins with."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import Any, TypeAlias

from pydantic import TypeAdapter

from domain.sides import SIDES, Pair, Side
from domain.values import same
from domain.view import Overwritten
from lab.chaos.memory.plans import read_open_plan
from lab.chaos.memory.tables import Asked, Found, Row, Tables, add, answers, read, update
from store import overwritten, pairs, reviews, snapshots, work
from store.baselines import BaselineRow
from store.snapshots import SnapshotRow

Document: TypeAlias = dict[str, Any]

END, BASELINE = TypeAdapter(pairs.EndRow), TypeAdapter(BaselineRow)
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
    tables.pairs[given["id"]] = Row({n: given[n] for n in ("id", "integration", "version")}, **fresh)
    for end in given["ends"]:
        rest = {"pair_id": given["id"], "active": True, "snapshot_id": None}
        rest |= {"outside_since": None, "late_writer": False, "fence": None}
        tables.pair_ends[given["id"], end["side"]] = Row(end, **rest)
    return []


def pair_document(tables: Tables, pair_id: str) -> Document:
    ends = {side.value: _end(tables.pair_ends[pair_id, side.value]) for side in SIDES}
    return {**tables.pairs[pair_id], "ends": ends}


def _end(end: Row) -> Document:
    ref = {"connection": end["connection"], "record_type": end["record_type"], "id": end["record_id"]}
    return {"ref": ref, **{name: end[name] for name in ("key", "url", "outside_since", "late_writer")}}


@answers(pairs.GET)
def get(asked: Asked) -> list[Document]:
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
    changes: Document = {"state": given["states"], "waits_for": given["sentence"]}
    if before["state"] != given["states"]:
        changes["state_since"] = asked.now
    if given["passed"]:
        changes["last_pass_at"] = asked.now
    update(rows, given["pair"], **changes)
    return []


@answers(pairs.SET_LATE_WRITER)
def set_late_writer(asked: Asked) -> list[Any]:
    end = asked.given["pair"], asked.given["on"]
    update(asked.tables.pair_ends, end, late_writer=asked.given["value"])
    return []


def _set(column: str, asked: Asked) -> list[Any]:
    update(asked.tables.pairs, asked.given["pair"], **{column: asked.given["value"]})
    return []


answers(pairs.SET_PAUSED)(partial(_set, "paused"))
answers(pairs.SET_QUARANTINE)(partial(_set, "quarantine"))
answers(pairs.SET_VERSION)(partial(_set, "version"))


@answers(work.LOAD)
def load(asked: Asked) -> list[work.PairWork]:
    """Read already: `database.Reading` lets it pass where the store would parse PostgreSQL's text."""
    pair_id, tables = asked.given["pair_id"], asked.tables
    if pair_id not in tables.pairs:
        return []
    pair = _read_pair(tables, pair_id)
    open_reviews = [row for row in tables.reviews.values() if row["state"] == "open"]
    return [
        work.PairWork(
            pair=pair,
            newest_version=max(version for name, version in tables.integrations if name == pair.integration),
            brake=None,
            connections=Pair(None, None),
            baselines={
                name: read(row, BASELINE.validate_python, _baseline)
                for (_, name), row in tables.baselines.items()
            },
            plan=read_open_plan(tables, pair_id),
            reviews=[
                read(row, reviews.ROW.validate_python)
                for row in sorted(open_reviews, key=lambda row: row["unit"])
            ],
            stopped={
                unit: work.StoppedUnit(row["cause"], row["reason"])
                for (_, unit), row in tables.parked_units.items()
            },
            alerted=any(row["pair_id"] and row["cleared_at"] is None for row in tables.alerts.values()),
            overwritten=Pair.of(lambda side: _hits(tables, side)),
            last=Pair.of(lambda side: _read_last(tables, pair_id, side)),
        )
    ]


def _read_pair(tables: Tables, pair_id: str) -> pairs.PairRow:
    a, b = (tables.pair_ends[pair_id, side.value] for side in SIDES)
    ends = Pair(read(a, END.validate_python, _end), read(b, END.validate_python, _end))
    row = tables.pairs[pair_id]
    pair = read(row, pairs.ROW.validate_python, lambda row: {**row, "ends": {"a": _end(a), "b": _end(b)}})
    return replace(pair, ends=ends)


def _baseline(row: Row) -> Document:
    return {
        "natives": {"a": row["native_a"], "b": row["native_b"]},
        "baseline": {"a": row["half_a"], "b": row["half_b"], "revision": row["revision"]},
    }


def _hits(tables: Tables, side: Side) -> dict[str, Overwritten]:
    rows = [row for (_, on, _), row in tables.overwritten.items() if on == side.value]
    return {row["field"]: overwritten.JSON.validate_python(_hit(row)) for row in rows}


def _hit(row: Row) -> Document:
    return {"version": row["version"], "ours": row["ours"]}


def _last_of(tables: Tables, pair_id: str, side: Side) -> Row | None:
    number = tables.pair_ends[pair_id, side.value]["snapshot_id"]
    return None if number is None else tables.snapshots[number]


def _read_last(tables: Tables, pair_id: str, side: Side) -> SnapshotRow | None:
    row = _last_of(tables, pair_id, side)
    return None if row is None else read(row, snapshots.ROW.validate_python, _snapshot)


def _snapshot(row: Row) -> Document:
    return {"id": row["id"], "hash": row["hash"], "snapshot": row["body"], "taken_at": row["taken_at"]}


# ---------------------------------------------------------------------------------------------------- snapshots
@answers(snapshots.GET)
def get_snapshots(asked: Asked) -> list[Document]:
    return [_snapshot(asked.tables.snapshots[number]) for number in asked.given["ids"]]


@answers(snapshots.LAST)
def last(asked: Asked) -> list[Found]:
    nothing = {"id": None, "hash": None, "snapshot": None, "taken_at": None}
    found = {side: _last_of(asked.tables, asked.given["pair_id"], side) for side in SIDES}
    return [Found(side=s.value, snapshot=_snapshot(row) if row else nothing) for s, row in found.items()]


@answers(snapshots.SAVE)
def save(asked: Asked) -> list[Found]:
    pointed = [_save(asked, one) for one in asked.given["snapshots"]]
    done = {row.side for row in pointed if row is not None}
    for change in asked.given["changes"]:
        if change["side"] in done:
            add(asked.tables.field_versions, {"pair_id": asked.given["pair"], **change}, "n")
    return [row for row in pointed if row is not None]


def _save(asked: Asked, new: Document) -> Found | None:
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
    if tables.pair_ends[end]["snapshot_id"] != new["before"] or _is_fenced(asked, end):
        return None
    update(tables.pair_ends, end, snapshot_id=kept["id"], key=new["key"], url=new["url"])
    return Found(side=new["side"], snapshot_id=kept["id"])


def _is_fenced(asked: Asked, end: tuple[str, str]) -> bool:
    limit, scheduled = asked.tables.pair_ends[end]["fence"], asked.given["scheduled"]
    return limit is not None and scheduled is not None and scheduled < limit


@answers(snapshots.FENCE)
def fence(asked: Asked) -> list[Any]:
    for side in SIDES:
        end = asked.given["pair"], side.value
        before, new = asked.tables.pair_ends[end]["fence"], asked.given["scheduled"]
        update(asked.tables.pair_ends, end, fence=max(before or new, new))
    return []


@answers(snapshots.FENCED)
def fenced(asked: Asked) -> list[Any]:
    return [asked.tables.pair_ends[asked.given["pair"], Side.A.value]["fence"]]


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
