"""Plans, steps, the write ledger, baselines: what a pass may write, and what has moved."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from pydantic import TypeAdapter

from lab.chaos.memory.tables import Asked, Row, Tables, add, answers, read, update
from store import baselines, ledger, overwritten, plans
from store.errors import PlanOpen

STEP = TypeAdapter(plans.StepRow)
LONG_AGO = datetime.fromtimestamp(0, UTC)


def read_open_plan(tables: Tables, pair_id: str) -> plans.OpenPlan | None:
    """The same, as the store's own adapter reads it."""
    for row in tables.plans.values():
        if (row["pair_id"], row["state"]) == (pair_id, "open"):
            steps = [read(step, STEP.validate_python) for step in _steps(tables, row)]
            plan = read(row, plans.ROW.validate_python, lambda row: _document(row, []))
            return replace(plan, steps=steps)
    return None


def document(tables: Tables, plan: Row) -> dict[str, Any]:
    return _document(plan, _steps(tables, plan))


def _steps(tables: Tables, plan: Row) -> list[Row]:
    return [step for step in tables.plan_steps.values() if step["plan_id"] == plan["id"]]


def _document(plan: Row, steps: list[Row]) -> dict[str, Any]:
    return {
        "id": plan["id"],
        "version": plan["version"],
        "snapshots": {"a": plan["snapshot_a"], "b": plan["snapshot_b"]},
        "plan": plan["body"],
        "created_at": plan["created_at"],
        "steps": steps,
    }


@answers(plans.CREATE)
def create(asked: Asked) -> list[dict[str, Any]]:
    given, tables = asked.given, asked.tables
    if read_open_plan(tables, given["pair_id"]) is not None:
        raise PlanOpen(f"pair {given['pair_id']} has an open plan")
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
            rows[key] = Row(one, pair_id=given["pair"])
        elif not given["fenced"] or before["revision"] + 1 == one["revision"]:
            rows[key] = Row(one, pair_id=given["pair"], revision=before["revision"] + 1)
        else:
            continue
        moved.append(one["field"])
    return moved


@answers(overwritten.KEEP)
def keep(asked: Asked) -> list[Any]:
    given = asked.given
    asked.tables.overwritten[given["pair_id"], given["side"], given["field"]] = Row(given)
    return []


@answers(overwritten.STANDING)
def standing(asked: Asked) -> list[Any]:
    given = asked.given
    row = asked.tables.overwritten.get((given["pair_id"], given["side"], given["field"]))
    return [] if row is None else [{"version": row["version"], "ours": row["ours"]}]


@answers(baselines.REVISIONS)
def revisions(asked: Asked) -> list[dict[str, int]]:
    pair_id = asked.given["pair_id"]
    return [{name: row["revision"] for (of, name), row in asked.tables.baselines.items() if of == pair_id}]


@answers(overwritten.FORGET)
def forget(asked: Asked) -> list[Any]:
    for name in asked.given["fields"]:
        asked.tables.overwritten.pop((asked.given["pair_id"], asked.given["side"], name), None)
    return []
