"""Plans, steps, the write ledger, baselines: what a pass may write, and what has moved."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from psycopg.errors import UniqueViolation
from sqlalchemy.exc import IntegrityError

from lab.chaos.memory.tables import Asked, Row, Tables, add, answers, update
from store import baselines, ledger, overwritten, plans

LONG_AGO = datetime.fromtimestamp(0, UTC)


def open_plan(tables: Tables, pair_id: str) -> Row | None:
    """The pair's open plan as a document."""
    found = [plan for plan in tables.plans.values() if (plan["pair_id"], plan["state"]) == (pair_id, "open")]
    return document(tables, found[0]) if found else None


def document(tables: Tables, plan: Row) -> Row:
    return {
        "id": plan["id"],
        "version": plan["version"],
        "snapshots": {"a": plan["snapshot_a"], "b": plan["snapshot_b"]},
        "plan": plan["body"],
        "created_at": plan["created_at"],
        "steps": [step for step in tables.plan_steps.values() if step["plan_id"] == plan["id"]],
    }


@answers(plans.CREATE)
def create(asked: Asked) -> list[Row]:
    given, tables = asked.given, asked.tables
    if open_plan(tables, given["pair_id"]) is not None:
        raise IntegrityError("plans.CREATE", dict(given), UniqueViolation("uq_plans_open"))
    names = ("pair_id", "version", "snapshot_a", "snapshot_b", "body")
    plan = add(
        tables.plans, {name: given[name] for name in names} | {"state": "open", "created_at": asked.now}
    )
    fresh = {"state": "pending", "holder": None, "claimed_at": None, "response": None}
    for step in given["steps"]:
        add(tables.plan_steps, {"plan_id": plan["id"], **step, **fresh})
    return [document(tables, plan)]


@answers(plans.CLAIM)
def claim(asked: Asked) -> list[int]:
    given, step = asked.given, asked.tables.plan_steps[asked.given["step_id"]]
    abandoned = step["claimed_at"] is not None and step["claimed_at"] < asked.now - given["abandoned_after"]
    if step["state"] != "pending" and not (
        step["state"] == "claimed" and (step["holder"] == given["attempt"] or abandoned)
    ):
        return []
    changes = {"state": "claimed", "holder": given["attempt"], "claimed_at": asked.now}
    update(asked.tables.plan_steps, step["id"], **changes)
    return [step["id"]]


def _held(asked: Asked) -> Row | None:
    step = asked.tables.plan_steps[asked.given["step_id"]]
    return step if (step["state"], step["holder"]) == ("claimed", asked.given["attempt"]) else None


@answers(plans.RELEASE)
def release(asked: Asked) -> list[int]:
    if (step := _held(asked)) is not None:
        update(asked.tables.plan_steps, step["id"], claimed_at=LONG_AGO)
    return []


@answers(plans.FINISH)
def finish(asked: Asked) -> list[int]:
    if (step := _held(asked)) is None:
        return []
    update(asked.tables.plan_steps, step["id"], state=asked.given["end"], response=asked.given["answer"])
    return [step["id"]]


@answers(plans.CLOSE)
def close(asked: Asked) -> list[int]:
    given, tables = asked.given, asked.tables
    for step in list(tables.plan_steps.values()):
        if step["plan_id"] == given["plan"] and step["state"] in {"pending", "claimed"}:
            update(tables.plan_steps, step["id"], state="overtaken")
    if tables.plans[given["plan"]]["state"] == "open":
        update(tables.plans, given["plan"], state=given["end"])
    return []


@answers(ledger.RECORD)
def record(asked: Asked) -> list[int]:
    add(asked.tables.write_ledger, dict(asked.given))
    return []


@answers(baselines.MOVE)
def move(asked: Asked) -> list[str]:
    given, rows = asked.given, asked.tables.baselines
    moved: list[str] = []
    for one in given["moves"]:
        key = given["pair"], one["field"]
        before = rows.get(key)
        if before is None:
            rows[key] = {"pair_id": given["pair"], **one}
        elif not given["fenced"] or before["revision"] + 1 == one["revision"]:
            rows[key] = {"pair_id": given["pair"], **one, "revision": before["revision"] + 1}
        else:
            continue
        moved.append(one["field"])
    return moved


@answers(overwritten.KEEP)
def keep(asked: Asked) -> list[Any]:
    given = asked.given
    asked.tables.overwritten[given["pair_id"], given["side"], given["field"]] = dict(given)
    return []


@answers(overwritten.FORGET)
def forget(asked: Asked) -> list[Any]:
    for name in asked.given["fields"]:
        asked.tables.overwritten.pop((asked.given["pair_id"], asked.given["side"], name), None)
    return []
