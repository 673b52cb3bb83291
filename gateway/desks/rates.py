"""How often conflicts arise, reviews open and values are held: by field and system, and against the declared alerts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from activities.rating import alert_of, counted
from domain.durations import spell_duration
from domain.integration import AlertRule, Integration
from domain.sides import Pair
from gateway.answers import FieldRate, RatesShown, RuleShown
from gateway.desks.desk import Desk
from store import alerts, integrations, rates
from store.database import Tx
from store.rates import RateRow


@dataclass(frozen=True, slots=True)
class RateDesk:
    desk: Desk

    async def listed(self, name: str | None = None, *, window: timedelta) -> list[RatesShown]:
        """One integration, or all.

        Raises:
            Unknown: It was never applied.
        """
        async with self.desk.accord.database.begin() as tx:
            names = [name] if name else sorted(await integrations.versions(tx))
            declared = [(await self.desk.rules(tx, one)).integration for one in names]
            return [await self._of(tx, rules, window) for rules in declared]

    async def _of(self, tx: Tx, rules: Integration, window: timedelta) -> RatesShown:
        found = await rates.within(tx, rules.name, window)
        systems = self._systems(rules)
        fields = tuple(_field(row, systems, window) for row in found)
        return RatesShown(
            integration=rules.name,
            within=spell_duration(window),
            systems=(systems.a, systems.b),
            fields=fields,
            overruled=dict(sum((Counter(one.overruled) for one in fields), Counter())),
            rules=tuple([await self._rule(tx, rules.name, rule) for rule in rules.alerts]),
        )

    def _systems(self, rules: Integration) -> Pair[str]:
        """What people call them; two connections of one product by their own names."""
        names = rules.ends.map(lambda end: self.desk.system(end.connection))
        return rules.ends.map(lambda end: end.connection) if names.a == names.b else names

    async def _rule(self, tx: Tx, name: str, rule: AlertRule) -> RuleShown:
        numbers = counted(rule, await rates.within(tx, name, rule.rate[2]))
        standing = {alert.key for alert in await alerts.open_alerts(tx)}
        return RuleShown(
            when=rule.when,
            notify=rule.notify,
            now=sum(numbers.values()),
            stands=alert_of(name, rule) in standing,
        )


def _field(row: RateRow, systems: Pair[str], window: timedelta) -> FieldRate:
    numbers: Sequence[int] = (row.stood_b, row.stood_a)
    return FieldRate(
        field=row.unit,
        conflicts=row.conflicts,
        per_hour=round(row.conflicts / (window / timedelta(hours=1)), 2),
        reviews=row.reviews,
        unmapped=row.unmapped,
        overruled={name: n for name, n in zip(systems, numbers, strict=True) if n},
    )
