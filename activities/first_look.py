"""The first look at two records that have just been matched, or would be: decided as a pass would decide it."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from activities.context import Context
from activities.look import Look, make_look
from activities.messages import PairRef
from activities.rulebook import Rules
from domain.backfilling import OnDifferences, is_clean, with_on_link
from domain.engine import assess, decide
from domain.outcome import Verdict
from domain.records import Snapshot
from domain.sides import SIDES, Pair, Side
from domain.view import SideFacts
from store.baselines import Move
from store.first_links import InStep
from store.pairs import EndRow, PairRow
from store.work import PairWork


@dataclass(frozen=True, slots=True)
class FirstLook:
    """Two records side by side, and what a pass would do about them."""

    look: Look
    verdict: Verdict
    answered: tuple[str, ...] = ()
    """Fields and groups that the one answer for all settles, which would else open a review."""

    @property
    def is_clean(self) -> bool:
        return is_clean(self.verdict)

    @property
    def in_step(self) -> InStep:
        """What to keep of a clean one."""
        natives = {field.name: (field.a, field.b) for field in self.look.declared.fields}
        moves: dict[str, Move] = {h.field: (*natives[h.field], *h.halves) for h in self.verdict.adopted}
        return InStep(self.look.work.pair.id, self.look.snapshots, moves)


async def first_look(
    context: Context,
    rules: Rules,
    pair_id: str,
    records: Pair[Snapshot],
    answer: OnDifferences | None = None,
) -> FirstLook:
    """Decide what a first pass would do; where it would open a review, by `answer` if one was given."""
    look = make_look(context, _ref(rules, pair_id, records), _work(rules, pair_id, records), rules, records)
    assessment = assess(look.declared, look.view)
    if assessment.conflicts:
        natives = assessment.contested_natives
        a, b = await asyncio.gather(*(_facts(look, side, natives[side]) for side in SIDES))
        look = replace(look, view=replace(look.view, facts=Pair(a, b)))
    verdict = decide(look.declared, look.view)
    asking = {review.unit for review in verdict.reviews}
    if not asking or answer in (None, "review"):
        return FirstLook(look, verdict)
    answered = Rules(rules.version, with_on_link(look.declared, asking, answer))
    look = replace(look, rules=answered)
    return FirstLook(look, decide(look.declared, look.view), tuple(sorted(asking)))


async def _facts(look: Look, side: Side, natives: tuple[str, ...]) -> SideFacts:
    """Who changed the differing fields when; only a change history tells, as nothing was ever read before."""
    connector = look.connectors[side]
    if not connector.capabilities.change_history:
        return SideFacts()
    history = await connector.history(look.snapshots[side].ref)
    return SideFacts(history=tuple(version for version in history if version.field in natives))


def _ref(rules: Rules, pair_id: str, records: Pair[Snapshot]) -> PairRef:
    return PairRef(integration=rules.integration.name, pair_id=pair_id, keys=(records.a.key, records.b.key))


def _work(rules: Rules, pair_id: str, records: Pair[Snapshot]) -> PairWork:
    """A pair that no pass has seen yet."""
    return PairWork(
        pair=PairRow(
            id=pair_id,
            integration=rules.integration.name,
            version=rules.version,
            ends=records.map(lambda one: EndRow(one.ref, one.key, one.url)),
            link="active",
            link_reason="",
            state=[],
            state_since=datetime.min.replace(tzinfo=UTC),
            waits_for="",
            paused=False,
            quarantine=None,
            created_at=datetime.min.replace(tzinfo=UTC),
            last_pass_at=None,
        ),
        newest_version=rules.version,
        brake=None,
        connections=Pair(None, None),
        baselines={},
        plan=None,
        reviews=[],
        stopped={},
        alerted=False,
        overwritten=Pair({}, {}),
        last=Pair(None, None),
    )
