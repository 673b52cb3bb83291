"""Claims in words (`must:`) that a program can check at the end of a live case; the others are for readers."""

from __future__ import annotations

import re
from bisect import bisect_left
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta

from activities.braking import brake_alert
from activities.rating import prefix_of
from activities.sweeping import short_alert
from domain.sides import SIDES, Side
from gateway.operations import Operations
from lab.scenarios.live.rates import times_of
from lab.scenarios.live.stage import HOUR
from lab.scenarios.live.troubles import scaled_pause
from lab.scenarios.live.world import MOST_PAIRS, World
from lab.scenarios.translation import side_of
from lab.systems.journal import Entry
from lab.systems.records import Record
from store import alerts, pairs
from store.pairs import PairRow

LOCKOUT = 10
"""Refusals of credentials beyond which an account may be locked."""
UNDER_WAY = 0.5
"""Seconds within which a request may still arrive that had left before a refusal was heard."""
TICK = 1e-6
"""Two requests a whole second apart don't fall into the same one."""
WHOLE = timedelta(hours=24)
"""Longer than any case is played."""
MUTATING = {"write", "create", "delete"}


@dataclass(frozen=True, slots=True)
class Claims:
    """What can be said of a case once it is over. Each check returns what was found instead; empty if it holds."""

    world: World
    since: Mapping[Side, int]
    """The last request to each system before the case began."""

    async def converged(self, said: re.Match[str]) -> str:
        """All pairs agree in every field, or at least as many as are named."""
        shown, linked = await self._records(), await self._linked()
        equal = sum(self._is_equal(shown, pair) for pair in linked)
        number = next((int(word) for word in said.groups() if word), len(linked))
        return "" if equal >= number else f"{equal} of {len(linked)} pairs are equal"

    async def within_rate(self, said: re.Match[str]) -> str:
        """Never more requests than allowed within any second."""
        times = [entry.at for entry in await self._journal(side_of(said[2]))]
        most = most_within_a_second(times)
        return "" if most <= int(said[1]) else f"{most} requests within one second"

    async def written_once(self, said: re.Match[str]) -> str:
        del said
        written = [
            (side, record)
            for side in SIDES
            for entry in await self._journal(side)
            if entry.applied and entry.operation in MUTATING
            for record in entry.records
        ]
        counts = Counter(written)
        often = [record for (_, record), number in counts.items() if number > 1]
        return f"written more than once: {', '.join(often[:5])}" if often else ""

    async def no_workflow_failed(self, said: re.Match[str]) -> str:
        del said
        query = "ExecutionStatus = 'Failed' OR ExecutionStatus = 'TimedOut'"
        found = [one.id async for one in self.world.accord.temporal.list_workflows(query)]
        ours = [one for one in found if f"/{self.world.name}" in one]
        return f"failed: {', '.join(ours[:5])}" if ours else ""

    async def pause_kept(self, said: re.Match[str]) -> str:
        """After a 429 nothing arrives before the time that it names, but for what was under way."""
        entries = await self._journal(side_of(said[1]))
        faults = [event.get("fault", {}) for event in self.world.stage.case.events]
        pause = min((scaled_pause(f["retry_after"]) for f in faults if "retry_after" in f), default=0)
        refused = [entry.at for entry in entries if entry.status == 429]
        early = [one for one in entries if any(at + UNDER_WAY < one.at < at + pause for at in refused)]
        return f"{len(early)} requests came before the pause was over" if early else ""

    async def one_alert(self, said: re.Match[str]) -> str:
        """Of a connection, its listing, the integration's brake or rates: whatever concerns many pairs."""
        del said
        names, own = self.world.stage.connections, self.world.name
        keys = [key for name in names for key in (f"connection/{name}", short_alert(own, name))]
        async with self.world.accord.database.begin() as tx:
            counted = [await alerts.times_raised(tx, key) for key in (*keys, brake_alert(own))]
            number = sum(counted) + len(await alerts.spans(tx, prefix_of(own)))
        return "" if number == 1 else f"{number} alerts that concern many pairs"

    async def raised_in_time(self, said: re.Match[str]) -> str:
        """Counted from the first conflict beyond the threshold."""
        arose, spans = await times_of(self.world)
        alert = self.world.given.alert
        if alert is None or not spans or len(arose) <= alert.conflicts_per_hour:
            return f"{len(arose)} conflicts, {len(spans)} alerts on their rate"
        late = (spans[0].raised_at - arose[int(alert.conflicts_per_hour)]).total_seconds()
        return "" if late <= int(said[1]) else f"raised after {late:.0f} s"

    async def cleared_after(self, said: re.Match[str]) -> str:
        """Not before so many conflicts as are allowed are left in the window."""
        del said
        arose, spans = await times_of(self.world)
        alert = self.world.given.alert
        cleared = [span.cleared_at for span in spans if span.cleared_at is not None]
        if alert is None or not spans or len(cleared) < len(spans):
            return f"{len(cleared)} of {len(spans)} alerts are cleared"
        still = sum(at > cleared[-1] - HOUR for at in arose)
        return "" if still <= alert.conflicts_per_hour else f"cleared with {still} conflicts in the window"

    async def rate_visible(self, said: re.Match[str]) -> str:
        """Through the API's own operation, over a window that holds the whole case."""
        del said
        arose, _ = await times_of(self.world)
        (shown,) = await Operations(self.world.accord).rates.listed(self.world.name, window=WHOLE)
        told = sum(field.conflicts for field in shown.fields)
        by_system = sum(shown.overruled.values())
        is_whole = told == len(arose) == by_system and {one.field for one in shown.fields} == {
            *self.world.given.fields
        }
        return "" if is_whole else f"{len(arose)} conflicts, shown {told} by field and {by_system} by system"

    async def alerts_cleared(self, said: re.Match[str]) -> str:
        """Whatever was raised about a connection has been taken back."""
        del said
        own = {f"connection/{name}" for name in self.world.stage.connections}
        async with self.world.accord.database.begin() as tx:
            standing = [one.key for one in await alerts.open_alerts(tx) if one.key in own]
        return f"still raised: {', '.join(standing)}" if standing else ""

    async def no_webhook_refused(self, said: re.Match[str]) -> str:
        del said
        failed = self.world.refused_webhooks
        return f"{failed} were refused, or not answered" if failed else ""

    async def webhooks_refused(self, said: re.Match[str]) -> str:
        failed = self.world.refused_webhooks
        return "" if failed == int(said[1]) else f"{failed} were refused, or not answered"

    async def few_refusals(self, said: re.Match[str]) -> str:
        del said
        refused = [entry for side in SIDES for entry in await self._journal(side) if entry.status == 401]
        return "" if len(refused) <= LOCKOUT else f"{len(refused)} requests were refused by 401"

    async def no_orphan_link(self, said: re.Match[str]) -> str:
        """As many links as pairs, each with two records that exist."""
        del said
        shown = await self._records()
        active = [pair for pair in await self._linked() if pair.link == "active"]
        torn = [pair.id for pair in active if any((s, pair.ends[s].ref.id) not in shown for s in SIDES)]
        is_right = not torn and len(active) == self.world.given.number
        return "" if is_right else f"{len(active)} links, torn: {torn[:5]}"

    # ---------------------------------------------------------------------------------------------- looking at it
    async def _journal(self, side: Side) -> list[Entry]:
        """The case's requests to one system, probes by other cases' connections aside."""
        return await self.world.controls[side].journal(self.since.get(side, 0))

    async def _linked(self) -> list[PairRow]:
        async with self.world.accord.database.begin() as tx:
            return await pairs.listing(tx, integration=self.world.name, link=None, limit=MOST_PAIRS)

    async def _records(self) -> dict[tuple[Side, str], Record]:
        return {
            (side, record.id): record
            for side in SIDES
            for record in await self.world.controls[side].records(self.world.name)
            if not record.deleted
        }

    def _is_equal(self, shown: Mapping[tuple[Side, str], Record], pair: PairRow) -> bool:
        ends = [shown.get((side, pair.ends[side].ref.id)) for side in SIDES]
        a, b = [{} if record is None else record.fields for record in ends]
        return all(a.get(name) == b.get(name) for name in self.world.given.fields)


Check = Callable[[Claims, re.Match[str]], Awaitable[str]]

KNOWN: Sequence[tuple[str, Check]] = (
    (r"<= (\d+) requests?/s to ([AB])", Claims.within_rate),
    (
        r"[AB] equals [AB] on all (\d+)|all (\d+) converge|all converge|(\d+) records converge",
        Claims.converged,
    ),
    (r"each record written once", Claims.written_once),
    (r"no workflow failed", Claims.no_workflow_failed),
    (r"no request to ([AB]) within Retry-After", Claims.pause_kept),
    (r"one alert\b.*", Claims.one_alert),
    (r"the alert is cleared\b.*", Claims.alerts_cleared),
    (r"no webhook is refused", Claims.no_webhook_refused),
    (r"all (\d+) webhooks are refused, and none is sent again", Claims.webhooks_refused),
    (r"one alert raised within (\d+) s", Claims.raised_in_time),
    (r"cleared after the window", Claims.cleared_after),
    (r"rate visible per field and system", Claims.rate_visible),
    (r"no lock-?out storm.*|bounded 401s", Claims.few_refusals),
    (r"no orphan links?", Claims.no_orphan_link),
)


async def broken_claims(world: World, said: Sequence[str], since: Mapping[Side, int]) -> list[str]:
    """The claims that don't hold, each with what was found instead."""
    claims = Claims(world, since)
    found = [(words, await check(claims, match)) for words in said for match, check in known(words)]
    return [f"must {words!r}: {wrong}" for words, wrong in found if wrong]


def known(words: str) -> list[tuple[re.Match[str], Check]]:
    """The checks of a claim, each with what it names; none if it is for readers."""
    tried = [(re.fullmatch(pattern, words.strip()), check) for pattern, check in KNOWN]
    return [(match, check) for match, check in tried if match]


def most_within_a_second(times: Sequence[float]) -> int:
    """The most that fall into any second; `times` ascend."""
    return max((number - bisect_left(times, at - 1 + TICK) for number, at in enumerate(times, 1)), default=0)
