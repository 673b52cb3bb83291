"""What is a case's own on the shared stack: an integration, two connections, a record type. So cases don't meet."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from domain.integration import AlertRule, Integration
from domain.sides import SIDES, Pair, Side
from lab.scenarios.corpus import Case, FieldGiven, Given
from lab.scenarios.translation import completed, creates, integration_of, word_of

SECRET, OLD_SECRET = "scenario-webhooks", "scenario-webhooks-of-last-year"
"""Both verify: the second is the one that a rotation hasn't taken out yet."""
TOKEN, USER = "lab", "sync"
HOUR = timedelta(minutes=1)
"""What an hour of an alert's window takes here: nobody waits for a whole one to pass."""


@dataclass(frozen=True, slots=True)
class Stage:
    """A case under its own names."""

    case: Case
    name: str
    """Of the integration and of the record type: `c07_s012`."""

    @property
    def connections(self) -> Pair[str]:
        return Pair(f"{self.name}_a", f"{self.name}_b")

    def declaration(self, given: Given) -> Integration:
        """The declaration that these words ask for, under this stage's names."""
        declared = integration_of(
            given,
            creates=creates(self.case),
            name=self.name,
            connections=self.connections,
            record_type=self.name,
        )
        return declared.model_copy(update={"alerts": alert_rules(given)})

    def connection_settings(self, urls: Pair[str]) -> dict[str, dict[str, Any]]:
        """Both entries of `connections.yaml`; the case's clock bound is the connection's."""
        bound = Pair.of(lambda side: self.case.given.clock.bound.get(word_of(side), 1))
        return {
            self.connections[side]: {
                "system": "plain",
                "url": urls[side],
                "token": f"${{file:{secret_file(side)}}}",
                "user": USER,
                "webhook_secrets": [SECRET, OLD_SECRET],
                "clock_bound": f"{bound[side]:f}s",
                **self._capture(side),
                **self._budget(side),
            }
            for side in SIDES
        }

    def _budget(self, side: Side) -> dict[str, str]:
        limit = self.case.given.rate_limit.get(word_of(side))
        return {} if limit is None else {"budget": limit}

    def _capture(self, side: Side) -> dict[str, Any]:
        """How changes are heard of. The rounds come by the case's time: none by itself while it is played."""
        said, word = self.case.given.cdc_of(word_of(side)), word_of(side)
        if not self.case.given.is_polled(word):
            return {"changes": {"mode": "webhook"}}
        mode = "poll" if said.mode == "poll" else "both"
        lag = {"capabilities": {"search_lag": f"{said.index_lag:f}s"}} if said.index_lag else {}
        return {"changes": {"mode": mode, "every": "1d"}, **lag}


def alert_rules(given: Given) -> tuple[AlertRule, ...]:
    """The rule on rates that the case asks for."""
    if given.alert is None:
        return ()
    seconds = HOUR.total_seconds()
    when = f"conflict_rate > {given.alert.conflicts_per_hour:g} per {seconds:g}s"
    return (AlertRule(when=when, notify="ops"),)


def secret_file(side: Side) -> str:
    """Beside `connections.yaml`: the token that all cases use on one system, so that it can be exchanged."""
    return f"{side.value}.token"


def stages_of(cases: Iterable[Case]) -> list[Stage]:
    """A stage per case; numbered, because ids may differ in nothing but signs."""
    return [Stage(furnished(case), f"c{number:02d}_{_slug(case.id)}") for number, case in enumerate(cases, 1)]


def furnished(case: Case) -> Case:
    """A case that only knocks at the door has no fields of its own: it gets a pair in step, so that there is a door."""
    known = completed(case)
    if known.given.fields:
        return known
    title = FieldGiven(policy="source", master="A", base=("t", "t"))
    return case.model_copy(update={"given": case.given.model_copy(update={"fields": {"title": title}})})


def connections_of(stages: Iterable[Stage], urls: Pair[str]) -> Mapping[str, Any]:
    """All that `connections.yaml` must hold before the stack starts."""
    return {name: entry for stage in stages for name, entry in stage.connection_settings(urls).items()}


def _slug(case_id: str) -> str:
    return re.sub(r"[^a-z0-9]+", "_", case_id.lower()).strip("_")[:40]
