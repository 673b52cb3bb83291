"""Stopped units: one field or group is parked, or waits for a person only; the rest of the pair goes on."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, TypeAlias

from sqlalchemy import bindparam, delete, func
from sqlalchemy.dialects.postgresql import insert

from store.database import Tx
from store.schema import parked_units

Cause: TypeAlias = Literal["flap", "refused", "torn"]
"""torn: one side has a merge that the other finally refused; not parked, but no policy decides it any more."""

PARK = insert(parked_units)
PARK = PARK.on_conflict_do_update(
    constraint="pk_parked_units", set_={"cause": PARK.excluded.cause, "reason": PARK.excluded.reason}
)

RELEASE_ALL = (
    delete(parked_units).where(parked_units.c.pair_id == bindparam("pair_id")).returning(parked_units.c.unit)
)
RELEASE = RELEASE_ALL.where(parked_units.c.unit == func.any(bindparam("units")))


async def park(tx: Tx, pair_id: str, unit: str, cause: Cause, reason: str) -> None:
    """Stop one unit; `reason` says what the system or the breaker said and what to do."""
    await tx.execute(PARK, {"pair_id": pair_id, "unit": unit, "cause": cause, "reason": reason})


async def release(tx: Tx, pair_id: str, units: Sequence[str] | None = None) -> list[str]:
    """Let these units go again, or all of the pair's (None); those that were parked."""
    if units is None:
        return list(await tx.scalars(RELEASE_ALL, {"pair_id": pair_id}))
    return list(await tx.scalars(RELEASE, {"pair_id": pair_id, "units": list(units)}))
