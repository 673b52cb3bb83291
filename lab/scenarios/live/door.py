"""Strangers at the front door: what they send, how it is answered, and that nothing comes of what is refused.

A case says what is sent; how that must be answered follows from its words (`knocks.py`), so what a case demands in prose
is checked for any mixture of them. Whatever the case, a refused request leaves no delivery, no signal, no secret in the
log; a large or slow one takes little memory and keeps nobody waiting; and no request of ours goes where a stranger,
a body or a redirect points.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
from temporalio.api.enums.v1 import EventType

from embedded.stack import EmbeddedStack
from lab.scenarios.corpus import Event
from lab.scenarios.live.knocks import CANARY, Knock
from lab.scenarios.live.logbook import Logbook, forged_lines
from lab.scenarios.live.raw import send_large, send_slowly
from lab.scenarios.live.rest import until
from lab.scenarios.live.stage import OLD_SECRET, SECRET
from lab.scenarios.live.trap import Trap
from lab.scenarios.live.world import World
from lab.scenarios.translation import side_of
from lab.systems.faults import Fault
from store import deliveries, reviews

ANSWER_WITHIN = 15.0
"""Seconds; the gateway itself waits ten for a body."""
MEANWHILE_WITHIN = 5.0
"""Seconds in which others are answered while somebody means harm."""
MOST_GROWTH = 64 * 1024
"""KiB that the gateway's memory may rise by a request, however large."""
ELSEWHERE = "https://evil.example"


@dataclass(slots=True)
class Door:
    """Everybody who isn't expected."""

    world: World
    gateway_url: str
    stack: EmbeddedStack
    departures: list[str] = field(default_factory=list)
    """What was otherwise than it must be."""
    trap: Trap = field(default_factory=Trap)
    logbook: Logbook = field(init=False)
    knocks: int = 0
    taken: set[str] = field(default_factory=set)
    """Delivery ids that were signalled."""
    unproved: int = 0
    """Deliveries that were refused for want of a signature."""

    def __post_init__(self) -> None:
        self.logbook = Logbook(self.stack)

    async def close(self) -> None:
        await self.trap.close()

    # -------------------------------------------------------------------------------------------------- webhooks
    async def knock(self, event: Event) -> None:
        """A webhook as the event has it, and the look behind the door afterwards."""
        words = dict(event.get("webhook_raw") or {})
        if "self" in words:
            words["url"] = await self.trap.set()
        knock = self._knock(words)
        before, memory = await self._signals(), self._memory()
        if knock.is_slow or knock.size is not None:
            (status, outcome), meanwhile = await asyncio.gather(self._send(knock), self._somebody_else())
            before += meanwhile
        else:
            status, outcome = await self._send(knock)
        self._judge(knock, status, outcome)
        await self._look_behind(knock, status, before)
        if self._memory() - memory > MOST_GROWTH:
            self.departures.append(f"{_named(knock)}: the gateway grew by {self._memory() - memory} KiB")

    def _knock(self, words: dict[str, Any]) -> Knock:
        self.knocks += 1
        return Knock(words, self.world.name, self.world.record(self._side(words)), self.knocks)

    def _side(self, words: dict[str, Any]) -> Any:
        return side_of(str(words.get("side", "A")))

    def _url(self, knock: Knock) -> str:
        connection = self.world.stage.connections[self._side(knock.words)]
        return f"{self.gateway_url}/webhooks/{connection}"

    async def _send(self, knock: Knock) -> tuple[int | None, str]:
        """Status and outcome; None where nobody answered."""
        body, url = knock.body(), self._url(knock)
        headers = knock.headers(body)
        if knock.is_slow:
            return await send_slowly(url, headers, ANSWER_WITHIN), ""
        if knock.size is not None and knock.size > len(body):
            return (await send_large(url, headers, knock.size))[0], ""
        async with httpx.AsyncClient(timeout=ANSWER_WITHIN, trust_env=False) as client:
            answer = await client.post(url, content=body, headers=headers)
        return answer.status_code, str(answer.json().get("outcome", ""))

    async def _somebody_else(self) -> int:
        """An honest webhook while somebody means harm; how many signals it makes."""
        try:
            async with asyncio.timeout(MEANWHILE_WITHIN):
                status, outcome = await self._send(self._knock({}))
        except TimeoutError:
            status, outcome = None, ""
        if status not in {200, 202}:
            self.departures.append(f"another webhook meanwhile: expected 200, found {status}")
        return int(outcome == "signalled")

    def _judge(self, knock: Knock, status: int | None, outcome: str) -> None:
        allowed = knock.allowed()
        self.unproved += status == 401
        if status not in allowed:
            expected = " or ".join(map(str, sorted(allowed)))
            self.departures.append(f"{_named(knock)}: expected {expected}, found {status}")
        elif status in {200, 202}:
            is_again = knock.delivery_id in self.taken
            self.taken.add(knock.delivery_id)
            if is_again != (outcome == "seen_before"):
                self.departures.append(f"{_named(knock)}: {'again' if is_again else 'new'}, found {outcome}")

    async def _look_behind(self, knock: Knock, status: int | None, before: int) -> None:
        """A delivery that is new makes one signal; any other request none, and nothing stays to be signalled."""
        if status in {200, 202}:
            return
        async with self.world.accord.database.begin() as tx:
            kept = await deliveries.unsignalled(tx, older_than=timedelta(0))
        if any(one.delivery_id == knock.delivery_id for one in kept):
            self.departures.append(f"{_named(knock)}: refused, but kept")
        after = await self._signals()
        if after > before:
            self.departures.append(f"{_named(knock)}: refused, but {after - before} signals came of it")

    async def _signals(self) -> int:
        """How often the case's pair was told of something."""
        pair = await self.world.pair()
        if pair is None:
            return 0
        history = await self.world.accord.temporal.get_workflow_handle(pair.workflow_id).fetch_history()
        kind = EventType.EVENT_TYPE_WORKFLOW_EXECUTION_SIGNALED
        return sum(event.event_type == kind for event in history.events)

    def _memory(self) -> int:
        """KiB that the gateway has needed at most; 0 where the system doesn't tell."""
        pid = next((one.pid for one in self.stack.states() if one.name == "gateway"), None)
        with suppress(OSError):
            for line in Path(f"/proc/{pid}/status").read_text().splitlines():
                if line.startswith("VmHWM:"):
                    return int(line.split()[1])
        return 0

    # ------------------------------------------------------------------------------------------------- the API
    async def request(self, event: Event) -> None:
        """A page of another site has a browser on this machine decide a review: refused, in every form it can send."""
        choice = {"approve": "approve", "override": "side"}[event.get("http")["cross_site_post"]]
        before = await self._open_reviews()
        token = next(iter(before), "no-such-token")
        body = f'{{"by": "{ELSEWHERE}", "choice": "{choice}", "side": "a"}}'.encode()
        async with httpx.AsyncClient(base_url=self.gateway_url, trust_env=False) as client:
            for kind in ("application/json", "text/plain"):
                headers = {"origin": ELSEWHERE, "content-type": kind}
                path = f"/api/reviews/{token}/decision"
                status = (await client.post(path, content=body, headers=headers)).status_code
                if status != httpx.codes.FORBIDDEN:
                    self.departures.append(f"cross-site post as {kind}: expected 403, found {status}")
        if await self._open_reviews() != before:
            self.departures.append("cross-site post: refused, but it decided a review")

    async def _open_reviews(self) -> set[str]:
        async with self.world.accord.database.begin() as tx:
            found = await reviews.open_reviews(tx, integration=self.world.name)
        return {review.token for review in found}

    # ------------------------------------------------------------------------------------------------- outbound
    async def redirect(self, event: Event) -> None:
        """A system answers our next request by sending us elsewhere.

        A listener of our own stands for the address that the case names: it must hear nothing.
        """
        control = self.world.controls[side_of(event.get("fault")["redirect"])]
        to = await self.trap.set()
        entries = await control.journal()
        since = entries[-1].n if entries else 0
        number = await control.arm(Fault(effect="status", status=307, headers={"Location": f"{to}/latest"}))
        await self.world.look("a system redirects")

        async def is_met() -> bool:
            return any(entry.status == 307 for entry in await control.journal(since))

        try:
            await until(is_met, "the redirect is met")
        finally:
            await control.disarm(number)

    # --------------------------------------------------------------------------------------------------- at last
    def finish(self) -> None:
        """What must hold whatever was sent."""
        if self.trap.caught:
            self.departures.append(f"a request went where it must not: {self.trap.caught[0][:80]!r}")
        text = self.logbook.text()
        for told in (SECRET, OLD_SECRET, CANARY):
            if told in text:
                self.departures.append(f"the log tells {told!r}")
        refused = sum(
            "webhook_refused" in line and self.world.name in line and "signature" in line
            for line in text.splitlines()
        )
        if refused != self.unproved:
            self.departures.append(
                f"log lines of refused signatures: expected {self.unproved}, found {refused}"
            )
        forged = forged_lines(text, self.world.stage.case.events)
        self.departures += [f"a value wrote the log line {line!r}" for line in forged]


def _named(knock: Knock) -> str:
    return f"webhook_raw {knock.words}"
