"""Evaluates the `alerts:` of declarations: a rate over its threshold is one alert, told once, gone with the window."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import structlog

from activities.context import Context
from domain.durations import spell_duration
from domain.errors import ConfigError, SystemUnavailable
from domain.integration import AlertRule, Integration
from store import alerts, integrations, rates
from store.database import Tx
from store.rates import RateRow

log = structlog.get_logger(__name__)

KIND = "rate"


def counted(rule: AlertRule, found: Sequence[RateRow]) -> dict[str, int]:
    """Unit → how often what the rule counts has happened, the most frequent first."""
    column = {"conflict_rate": "conflicts", "review_rate": "reviews", "unmapped_rate": "unmapped"}[
        rule.rate[0]
    ]
    numbers = {row.unit: int(getattr(row, column)) for row in found}
    return {unit: n for unit, n in sorted(numbers.items(), key=lambda item: -item[1]) if n}


def alert_of(integration: str, rule: AlertRule) -> str:
    """Key of the rule's alert."""
    return f"{prefix_of(integration)}{rule.when}/{rule.notify}"


def prefix_of(integration: str) -> str:
    return f"rate/{integration}/"


@dataclass(frozen=True, slots=True)
class News:
    """What a queue is to be told of."""

    queue: str
    key: str
    message: str


@dataclass(slots=True)
class RateWatch:
    """Of one process; several do no harm: an alert that stands is raised, and told, by one of them."""

    context: Context
    _untold: list[News] = field(default_factory=list)
    """Raised here, and not heard yet: the target of its queue didn't answer."""

    async def look(self) -> None:
        """Raise and clear, then tell.

        Raises:
            SystemUnavailable: The store doesn't answer.
        """
        news: list[News] = []
        async with self.context.database.begin() as tx:
            for name, version in (await integrations.versions(tx)).items():
                try:
                    rules = (await self.context.rules.at(tx, name, version)).integration
                except ConfigError as error:
                    log.warning("not_judged", integration=name, reason=error.message)
                else:
                    news += await _judge(tx, rules)
        self._untold += news
        await self._tell()

    async def _tell(self) -> None:
        waiting, self._untold = self._untold, []
        for news in waiting:
            try:
                await self.context.notifier.tell(news.queue, "Accord: a rate is too high", news.message)
            except SystemUnavailable as error:
                log.warning("alert_not_told", alert=news.key, reason=error.message)
                self._untold.append(news)


async def _judge(tx: Tx, rules: Integration) -> list[News]:
    """What of this declaration is new."""
    over: dict[str, News] = {}
    for rule in rules.alerts:
        _, threshold, window = rule.rate
        numbers = counted(rule, await rates.within(tx, rules.name, window))
        if sum(numbers.values()) > threshold:
            key = alert_of(rules.name, rule)
            over[key] = News(rule.notify, key, _said(rules.name, rule, numbers))
    await alerts.clear_under(tx, prefix_of(rules.name), keep=[*over])
    return [news for key, news in over.items() if await alerts.raise_(tx, key, KIND, None, news.message)]


def _said(name: str, rule: AlertRule, numbers: dict[str, int]) -> str:
    what = {"conflict_rate": "conflicts", "review_rate": "reviews opened", "unmapped_rate": "values held"}
    metric, _, window = rule.rate
    fields = ", ".join(f"{unit} {n}" for unit, n in list(numbers.items())[:5])
    return (
        f"{name}: {sum(numbers.values())} {what[metric]} within {spell_duration(window)} ({fields}), declared are "
        f"`{rule.when}`: look at `accord rates {name}` and `accord conflicts --integration {name}`"
    )
