"""From "look at this record" to the workflows that must look: the one place that addresses them.

First the store says who is concerned (`route`), inside a transaction and without waiting for Temporal; then they are
told (`send`), each by signal-with-start unless it runs, so that a workflow that was never started, or was terminated,
comes to life.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

from temporalio.client import Client
from temporalio.common import Priority, TypedSearchAttributes
from temporalio.service import RPCError, RPCStatusCode

from activities.context import Context
from activities.counterpart import MatchInput
from activities.messages import PairRef, SideNotice
from activities.rulebook import Rules
from domain.errors import ConfigError
from domain.integration import Integration
from domain.records import ChangeNotice, RecordRef
from domain.sides import SIDES, Pair, Side
from gateway.temporal import OUT, translated
from store import addressees, ledger
from store.addressees import Addressees
from store.database import Tx
from store.ledger import Echoes
from store.pairs import PairRow
from workflows import options, story
from workflows.match import MatchWorkflow
from workflows.state import PairState

PATIENCE = timedelta(seconds=3)
"""For one call to Temporal: a webhook's sender waits meanwhile, and what can't be told now is told by the relay.

The SDK's `rpc_timeout` bounds each of its tries, ten seconds all of them: longer than some senders wait (measured)."""

AT_ONCE = 20
"""Calls to Temporal under way for one delivery."""

NO_ECHOES = Echoes(frozenset(), frozenset())

ECHO_PAUSES = (0.05, 0.1, 0.2, 0.35, 0.5, 0.8)
"""Seconds between looks at a write under way. What is left of its step once the system has sent the webhook is one
commit, 5 ms unloaded; after 2 s in all the pair is told, which costs it a look at both records."""


@dataclass(frozen=True, slots=True)
class OwnWrite:
    """A version that this pair may be writing at this moment: the webhook can arrive before the response is kept."""

    pair_id: str
    ref: RecordRef
    version: str


@dataclass(frozen=True, slots=True)
class Call:
    """One signal, with start: enough to address a workflow, whether it runs or not."""

    workflow: str
    id: str
    start: PairState | MatchInput
    signal: str
    said: tuple[Any, ...] = ()
    summary: str = ""
    attributes: TypedSearchAttributes = TypedSearchAttributes.empty
    priority: Priority = options.CHANGE
    has_run: bool = False
    """Then it most likely still runs, and a plain signal is tried first: with start, throughput falls by 14 % (measured)."""
    unless_own: OwnWrite | None = None
    """Dropped, if it turns out to be this."""


@dataclass(frozen=True, slots=True)
class Signaller:
    """Tells pairs of changes of their records, and matching of records that have no pair."""

    context: Context
    temporal: Client
    task_queue: str

    async def route(self, tx: Tx, notices: Sequence[ChangeNotice]) -> list[Call]:
        """Whom to tell. Empty for records that nobody has declared, and for echoes."""
        calls = [call for notice in notices for call in await self._route(tx, notice)]
        return list({(call.id, call.said): call for call in calls}.values())

    async def send(self, calls: Iterable[Call]) -> None:
        """Tell them all.

        Raises:
            SystemUnavailable: Temporal doesn't answer. Some may have been told; telling them twice does no harm.
            ConfigError: Temporal refuses, as it lacks a namespace or a search attribute.
        """
        waiting = list(calls)
        for start in range(0, len(waiting), AT_ONCE):
            await asyncio.gather(*(self._send(call) for call in waiting[start : start + AT_ONCE]))

    async def tell(self, pair: PairRow, rules: Rules, signal: str, said: Any) -> None:
        """Give one pair a signal; it is started if it doesn't run.

        Raises:
            SystemUnavailable: Temporal doesn't answer.
        """
        await self._send(self._call(pair, rules, signal, (said,)))

    async def look(self, pair: PairRow, rules: Rules, why: str) -> None:
        """Have a pair look at both sides, for example because it has just been linked.

        One notice is enough, whichever side it names: a pass reads both.

        Raises:
            SystemUnavailable: Temporal doesn't answer.
        """
        await self.tell(pair, rules, "change_noticed", SideNotice(side=Side.A, source=why))

    async def rematch(self, rules: Rules, side: Side, ref: RecordRef, *, retried: bool = False) -> None:
        """Have an unlinked record matched anew; `retried` if what was refused is mended.

        Raises:
            SystemUnavailable: Temporal doesn't answer.
        """
        call = _match_call(rules.integration, side, ref)
        await self._send(replace(call, signal="retry") if retried else call)

    def pair_ref(self, pair: PairRow, rules: Rules) -> PairRef:
        """The pair as its workflow and people name it."""
        systems, keys = self.context.systems(rules.integration), pair.ends.map(lambda end: end.key)
        return PairRef(
            integration=pair.integration,
            pair_id=pair.id,
            systems=(systems.a, systems.b),
            keys=(keys.a, keys.b),
        )

    # ------------------------------------------------------------------------------------------------ who is meant
    async def _route(self, tx: Tx, notice: ChangeNotice) -> list[Call]:
        found = await addressees.find(tx, notice.ref, notice.version)
        own, undecided = NO_ECHOES if notice.kind == "deleted" else found.echoes
        told = [
            await self._notice(tx, pair, notice, may_be_own=pair.id in undecided)
            for pair in found.pairs
            if pair.id not in own
        ]
        return told + await self._match(tx, notice, found)

    async def _notice(self, tx: Tx, pair: PairRow, notice: ChangeNotice, *, may_be_own: bool) -> Call:
        rules = await self.context.rules.at(tx, pair.integration, pair.version)
        call = self._call(pair, rules, "change_noticed", (_addressed(notice, pair),))
        if not may_be_own or notice.version is None:
            return call
        return replace(call, unless_own=OwnWrite(pair.id, notice.ref, notice.version))

    async def _match(self, tx: Tx, notice: ChangeNotice, found: Addressees) -> list[Call]:
        """Integrations that want a counterpart for such a record and have no pair with it."""
        if notice.kind == "deleted":
            return []
        free = found.versions.keys() - {pair.integration for pair in found.pairs}
        rules = [await self.context.rules.at(tx, name, found.versions[name]) for name in sorted(free)]
        wanting = [(rule.integration, _wanting_side(rule.integration, notice.ref)) for rule in rules]
        return [_match_call(rule, side, notice.ref) for rule, side in wanting if side is not None]

    # ------------------------------------------------------------------------------------------------------ calls
    def _call(self, pair: PairRow, rules: Rules, signal: str, said: tuple[Any, ...]) -> Call:
        ref = self.pair_ref(pair, rules)
        return Call(
            workflow=rules.integration.workflow or "PairWorkflow",
            id=pair.workflow_id,
            start=PairState(pair=ref),
            signal=signal,
            said=said,
            summary=ref.both,
            attributes=story.first_attributes(ref),
            priority=options.CHANGE if signal == "change_noticed" else options.DECISION,
            has_run=pair.last_pass_at is not None,
        )

    async def _send(self, call: Call) -> None:
        if call.unless_own is not None and await self._is_own(call.unless_own):
            return
        with translated(self.temporal), _refusals(call):
            async with asyncio.timeout(PATIENCE.total_seconds()):
                if not (call.has_run and await self._is_signalled(call)):
                    await self._start(call)

    async def _is_own(self, write: OwnWrite) -> bool:
        """Wait until the write under way is kept, then say whether it is what the notice speaks of."""
        for pause in ECHO_PAUSES:
            await asyncio.sleep(pause)
            async with self.context.database.alone() as tx:
                own, undecided = await ledger.echoes(tx, write.ref, write.version)
            if write.pair_id not in undecided:
                return write.pair_id in own
        return False

    async def _is_signalled(self, call: Call) -> bool:
        """Signal the workflow, if it runs."""
        handle = self.temporal.get_workflow_handle(call.id)
        try:
            await handle.signal(call.signal, args=call.said, rpc_timeout=PATIENCE)
        except RPCError as error:
            if error.status is RPCStatusCode.NOT_FOUND:
                return False
            raise
        return True

    async def _start(self, call: Call) -> None:
        """Signal-with-start, which finds the workflow running as well."""
        await self.temporal.start_workflow(
            call.workflow,
            call.start,
            id=call.id,
            task_queue=self.task_queue,
            start_signal=call.signal,
            start_signal_args=call.said,
            search_attributes=call.attributes,
            memo={"pair": call.summary} if call.summary else None,
            static_summary=call.summary or None,
            priority=call.priority,
            rpc_timeout=PATIENCE,
        )


@contextmanager
def _refusals(call: Call) -> Iterator[None]:
    """What Temporal answers but won't do: a namespace or a search attribute is missing, the account may not."""
    try:
        yield
    except RPCError as error:
        if error.status in OUT:
            raise
        raise ConfigError(f"Temporal refuses to start or signal {call.id}: {error.message}") from error


def _addressed(notice: ChangeNotice, pair: PairRow) -> SideNotice:
    return SideNotice(
        side=Side.A if pair.ends.a.ref == notice.ref else Side.B,
        kind=notice.kind,
        source=notice.source,
        version=notice.version,
        delivery_id=notice.delivery_id,
        observed_at=notice.observed_at,
    )


def _wanting_side(rules: Integration, ref: RecordRef) -> Side | None:
    """The side on which such a record would get a counterpart; None if nothing is declared for it."""
    ends: Pair[bool] = rules.ends.map(lambda end: (end.connection, end.record_type) == _kind(ref))
    sides = [side for side in SIDES if ends[side] and (rules.match or _creates_from(rules, side))]
    return sides[0] if sides else None


def _creates_from(rules: Integration, side: Side) -> bool:
    return rules.create is not None and rules.create.direction.allows(side)


def _kind(ref: RecordRef) -> tuple[str, str]:
    return ref.connection, ref.record_type


def _match_call(rules: Integration, side: Side, ref: RecordRef) -> Call:
    return Call(
        workflow=MatchWorkflow.__name__,
        id=f"match/{rules.name}/{ref}",
        start=MatchInput(integration=rules.name, side=side, ref=ref),
        signal="record_noticed",
        summary=f"find the counterpart of {ref}",
    )
