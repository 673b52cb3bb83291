"""What a deletion asks for: the survivor is deleted or closed, or the lost record created anew."""

from __future__ import annotations

from dataclasses import dataclass, field

from activities.context import Context
from activities.creating import Creator
from activities.messages import PairRef
from activities.rulebook import Rules
from connectors.base import Connector
from domain.deletion import DeleteAction, DeleteVerdict, Loss
from domain.errors import RecordGone, RecordHidden, RecordRejected
from domain.records import Snapshot
from domain.values import same
from store.ledger import Written
from store.losses import Sent
from store.work import PairWork

SENT: dict[DeleteAction, Sent] = {
    DeleteAction.DELETE_OTHER: "delete",
    DeleteAction.ARCHIVE_OTHER: "archive",
    DeleteAction.RECREATE: "recreate",
}


@dataclass(frozen=True, slots=True)
class Followed:
    """How far it came."""

    refused: str = ""
    """The system's reason, where it takes no deletion or no closing value."""
    hidden: str = ""
    """The other record can't be seen, and nothing proves that it is gone."""
    writes: list[Written] = field(default_factory=list)
    made: Snapshot | None = None
    """The record in the lost one's place."""


@dataclass(frozen=True, slots=True)
class Follower:
    context: Context
    pair: PairRef
    found: PairWork
    rules: Rules

    async def follow(self, verdict: DeleteVerdict, loss: Loss) -> Followed:
        """Delete or close the other record, or make a new one in the lost one's place, where the verdict says so.

        Raises:
            StaleVersion: Somebody changed it since it was read: decide anew.
            TryAgain: The system doesn't answer; whether the request arrived isn't known.
        """
        if loss.survivor is None or verdict.target is None:
            return Followed()
        end = self.pair.end(loss.lost if verdict.action is DeleteAction.RECREATE else verdict.target)
        try:
            return await self._carry_out(verdict, loss, loss.survivor)
        except RecordGone:
            return Followed()  # somebody else was faster
        except RecordHidden as error:
            return Followed(hidden=f"{end} can't be seen: {error.message}")
        except RecordRejected as error:
            done = verdict.action.value.replace("_other", "")
            return Followed(refused=f"{end}: the system refuses to {done} it: {error.message}")

    async def _carry_out(self, verdict: DeleteVerdict, loss: Loss, survivor: Snapshot) -> Followed:
        connector = self.context.connectors(self.rules.integration)[loss.lost.other]
        match verdict.action:
            case DeleteAction.DELETE_OTHER:
                await connector.delete(survivor)
            case DeleteAction.ARCHIVE_OTHER:
                return Followed(writes=await self._archive(connector, verdict, survivor))
            case DeleteAction.RECREATE:
                return Followed(made=await self._recreate(loss, survivor))
        return Followed()

    async def _recreate(self, loss: Loss, survivor: Snapshot) -> Snapshot:
        gone = loss.gone[loss.lost]
        assert gone is not None
        return await Creator(self.context, self.rules).make(loss.lost.other, survivor, instead_of=gone.ref)

    async def _archive(
        self, connector: Connector, verdict: DeleteVerdict, survivor: Snapshot
    ) -> list[Written]:
        """Write the closing values that don't stand there yet, in the requests that the system needs."""
        fields = {n: value for n, value in verdict.fields.items() if not same(survivor.value(n), value)}
        target, written = survivor, list[Written]()
        for number, part in enumerate(connector.parts(fields) if fields else []):
            target = await connector.read(survivor.ref) if number else target
            result = await connector.update(target, part, marker=self.pair.pair_id)
            assert verdict.target is not None
            exact = connector.capabilities.version_exact
            written.append(Written(verdict.target, survivor.ref, result.version, part, exact, result.request))
        return written
