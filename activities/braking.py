"""The brake on deletions: too many at once are no deletions until somebody has looked (semantics §6)."""

from __future__ import annotations

from activities.context import Context
from activities.evidence import look_around
from domain.deletion import DeleteAction, DeleteVerdict, Loss
from domain.integration import Integration
from domain.records import Evidence
from domain.vanishing import WINDOW, mass_of, mass_reason
from store import alerts, audit, brakes, losses
from store.database import Tx
from store.work import PairWork

WRITING = {DeleteAction.DELETE_OTHER, DeleteAction.ARCHIVE_OTHER, DeleteAction.RECREATE}


def brake_alert(integration: str) -> str:
    """Key of the one alert."""
    return f"brake/{integration}/deletions"


async def brake(
    context: Context, found: PairWork, rules: Integration, loss: Loss, verdict: DeleteVerdict
) -> str | None:
    """Note the loss; why it isn't followed, or None if it may be.

    What is told by the system and writes nothing (a link ends, a person is asked) passes, and so does what a person
    decided. What only the absence of records tells is stopped before anything follows.
    """
    record, name = loss.gone[loss.lost], found.pair.integration
    assert record is not None
    async with context.database.begin() as tx:
        await losses.note(tx, found.pair.id, name, loss.lost, record.ref.id)
        known = {one.record_id: one for one in await losses.of_pair(tx, found.pair.id)}
        if known[record.ref.id].allowed or not _is_braked(loss, verdict):
            return None
        stopped = await brakes.reason(tx, name, "deletions")
        if stopped:
            return stopped
        recent = await losses.recent(tx, name, loss.lost, WINDOW)
    around = await look_around(context, found, loss.lost)
    counts = [(recent.vanished, recent.of), (around.missing + 1, len(around.shown) + 1)]
    mass = mass_of(counts, rules.limits.brake)
    if mass is None:
        return None
    reason = mass_reason(*mass, loss.systems[loss.lost], name)
    async with context.database.begin() as tx:
        await _pull(tx, name, reason)
    return reason


async def release(tx: Tx, integration: str, by: str) -> None:
    """Let the integration go on. What is gone by now was looked at; what vanishes later counts anew."""
    await brakes.release(tx, integration)
    await losses.allow(tx, integration)
    await alerts.clear(tx, [brake_alert(integration)])
    await audit.append(tx, by, "resume", integration=integration)


def _is_braked(loss: Loss, verdict: DeleteVerdict) -> bool:
    if verdict.log is not None and verdict.log.by is not None:
        return False
    is_guessed = any(gone is not None and gone.evidence is Evidence.CANARY for gone in loss.gone)
    return verdict.action in WRITING or is_guessed


async def _pull(tx: Tx, integration: str, reason: str) -> None:
    if await brakes.pull(tx, integration, reason, "mass_change", what="deletions"):
        await alerts.raise_(tx, brake_alert(integration), "mass_change", None, f"{integration}: {reason}")
        await audit.append(tx, "accord", "brake", integration=integration, reason=reason)
