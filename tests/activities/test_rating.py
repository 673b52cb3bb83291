"""Declared rates: one alert per rule while the rate is over its threshold, told once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from uuid import uuid4

import pytest

from activities.context import Context
from activities.notifying import Notifier
from activities.rating import KIND, RateWatch
from connectors.registry import Connections
from domain.errors import SystemUnavailable
from store import alerts, conflicts, integrations
from store.database import Database, Tx
from store.pairs import PairRow
from tests.gateway.house import eventually
from tests.store.builders import INTEGRATION, a_line, a_pair

pytestmark = pytest.mark.stack

DECLARED = f"""name: {INTEGRATION}
a: {{connection: snow, record_type: incident}}
b: {{connection: jira, record_type: Bug}}
defaults: {{policy: [{{source_priority: snow}}]}}
fields: [{{name: priority, a: priority, b: priority}}]
alerts: [{{when: "conflict_rate > 2 per 1h", notify: ops}}, {{when: "unmapped_rate > 2 per 1h", notify: ops}}]
"""


@dataclass(frozen=True)
class Heard(Notifier):
    """Notes what would be sent."""

    heard: list[tuple[str, str]] = field(default_factory=list)
    deaf: list[bool] = field(default_factory=list)
    """True while the target doesn't answer."""
    queues: Mapping[str, Sequence[str]] = field(default_factory=dict)

    async def tell(self, queue: str, title: str, body: str) -> bool:
        del title
        if self.deaf:
            raise SystemUnavailable("nobody answers")
        self.heard.append((queue, body))
        return True


@dataclass
class Desk:
    database: Database
    pair: PairRow
    notifier: Heard

    def watch(self) -> RateWatch:
        """As a gateway that has just started."""
        return RateWatch(Context(self.database, Connections({}), notifier=self.notifier))

    async def clash(self, *ids: str) -> None:
        async with self.database.begin() as tx:
            await conflicts.append(tx, self.pair.id, INTEGRATION, 1, [a_line(one) for one in ids])

    async def standing(self) -> list[str]:
        async with self.database.begin() as tx:
            found = await alerts.open_alerts(tx)
        assert {alert.kind for alert in found} <= {KIND}
        return [alert.message for alert in found]


async def declare(tx: Tx, text: str) -> None:
    await integrations.apply(tx, INTEGRATION, text, "ines")


@pytest.fixture
async def desk(database: Database) -> Desk:
    async with database.begin() as tx:
        pair = await a_pair(tx)
        await declare(tx, DECLARED)
    return Desk(database, pair, Heard())


async def test_a_rate_over_its_threshold_is_one_alert_told_once_by_whoever_sees_it_first(desk: Desk) -> None:
    await desk.clash("c1", "c2")
    await desk.watch().look()
    assert await desk.standing() == []
    await desk.clash("c3")
    for _ in range(2):
        await desk.watch().look()
    (message,) = await desk.standing()
    assert message.startswith(
        f"{INTEGRATION}: 3 conflicts within 1h (priority 3), declared are `conflict_rate > 2 per 1h`"
    )
    assert desk.notifier.heard == [("ops", message)]


async def test_it_clears_when_the_window_has_passed(desk: Desk) -> None:
    async with desk.database.begin() as tx:
        await declare(tx, DECLARED.replace("2 per 1h", "2 per 5s"))
    watch = desk.watch()

    async def is_raised() -> bool:
        await desk.clash(*(uuid4().hex for _ in range(3)))
        await watch.look()
        return len(await desk.standing()) == 1

    async def is_cleared() -> bool:
        await watch.look()
        return await desk.standing() == []

    await eventually(is_raised)
    await eventually(is_cleared)


async def test_a_rule_that_is_declared_no_more_has_no_alert(desk: Desk) -> None:
    await desk.clash("c1", "c2", "c3")
    await desk.watch().look()
    async with desk.database.begin() as tx:
        await declare(tx, DECLARED.partition("alerts:")[0])
    await desk.watch().look()
    assert await desk.standing() == []


async def test_a_target_that_does_not_answer_is_told_later(desk: Desk) -> None:
    await desk.clash("c1", "c2", "c3")
    watch = desk.watch()
    desk.notifier.deaf.append(True)
    await watch.look()
    assert (len(await desk.standing()), desk.notifier.heard) == (1, [])
    desk.notifier.deaf.clear()
    await watch.look()
    await watch.look()
    assert len(desk.notifier.heard) == 1
