"""How a scenario stands: read from the systems and from Accord's store, never remembered."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from activities.display import shown
from gateway.answers import AlertShown, ConflictShown, HistoryLine
from gateway.desks.desk import Desk
from gateway.desks.pairs import PairDesk
from gateway.desks.presenting import write_line
from lab.demo.hands import Done, Hands
from lab.demo.script import PRODUCTS, Ending, Name, Scenario, called
from lab.systems.records import Record
from store import audit, pairs, writes
from store.pairs import PairRow

A_PERSON = "a person"
"""Stands for whoever decided, so that the outcome doesn't depend on the name."""


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the table."""

    scenario: Scenario
    keys: Mapping[str, str]
    """What `{…}` in the script stands for: the records' keys, by system, and the round."""
    done: Sequence[Done]
    ending: Ending
    decided_for: str = ""
    """The system whose value a person chose; empty while nobody has."""

    @property
    def expected(self) -> Ending:
        """How it must stand; after a decision that the script doesn't foresee, as it does."""
        if not self.decided_for:
            return _with_keys(self.scenario.ending, self.keys)
        answer = self.scenario.answers.get(self.decided_for)
        return (
            self.ending if answer is None else replace(_with_keys(answer, self.keys), rules=self.ending.rules)
        )

    @property
    def is_as_expected(self) -> bool:
        return len(self.done) == len(self.scenario.acts) and self.ending == self.expected

    def differences(self) -> list[str]:
        """What is otherwise than expected, a line per part."""
        parts = [(name, getattr(self.expected, name), getattr(self.ending, name)) for name in PARTS]
        return [
            f"{name}: expected {_listed(wanted)}; found {_listed(found)}"
            for name, wanted, found in parts
            if wanted != found
        ]


PARTS = ("decided", "rules", "written", "stands", "waits")


@dataclass(frozen=True, slots=True)
class Onlooker:
    """Looks at the systems and at the store, and changes nothing."""

    desk: Desk
    hands: Hands

    async def row(self, scenario: Scenario) -> Row:
        """The scenario as it stands now.

        Raises:
            SystemUnavailable: The store doesn't answer.
        """
        records = await self.hands.records(scenario)
        found = await self.pairs(records)
        lines = [line for pair in found for line in await self._last_lines(pair)]
        ending = Ending(
            decided=tuple(_decided(lines, found)),
            rules=tuple([_rule(line) for line in lines] or await self._origins(found)),
            written=tuple(await self._written(found)),
            stands=tuple(
                _stands(records[name], name, scenario) for name in scenario.shows if name in records
            ),
            waits=tuple(_waits(found, await self._alerts(found))),
        )
        keys = {"round": str(self.hands.round)} | {
            name: key_of(name, record) for name, record in records.items()
        }
        resolved = [line.winner for line in lines if line.stage == "resolved"]
        return Row(scenario, keys, await self.hands.done(scenario), ending, "".join(resolved))

    async def pairs(self, records: Mapping[Name, Record]) -> list[PairRow]:
        """Every pair that one of these records is or was an end of, the oldest first."""
        found: dict[str, PairRow] = {}
        async with self.desk.accord.database.begin() as tx:
            for name, record in records.items():
                known = await pairs.search(tx, key_of(name, record))
                found |= {pair.id: pair for pair in known if record.id in {end.ref.id for end in pair.ends}}
        return sorted(found.values(), key=lambda pair: pair.created_at)

    # ------------------------------------------------------------------------------------------------------ within
    async def _last_lines(self, pair: PairRow) -> list[ConflictShown]:
        """The last line of each conflict: what was done. In the order of the conflicts."""
        newest_first = await PairDesk(self.desk).conflicts(named=pair.id)
        last = {line.conflict_id: line for line in reversed(newest_first)}
        return sorted(last.values(), key=lambda line: line.unit)

    async def _written(self, found: Iterable[PairRow]) -> list[str]:
        rows = []
        async with self.desk.accord.database.begin() as tx:
            for pair in found:
                rules = (await self.desk.rules(tx, pair.integration)).integration
                rows += [
                    write_line(row, self.desk.ref(pair), rules) for row in await writes.of_pair(tx, pair.id)
                ]
        return [line.text for line in sorted(rows, key=_moment)]

    async def _origins(self, found: Iterable[PairRow]) -> list[str]:
        """Where nothing was decided: how the pairs came to be."""
        async with self.desk.accord.database.begin() as tx:
            by_hand = [any(act.what == "link" for act in await audit.of_pair(tx, pair.id)) for pair in found]
            rules = [(await self.desk.rules(tx, pair.integration)).integration for pair in found]
        return list(
            dict.fromkeys(
                "only one side changed" if linked else f"match: {', '.join(rule.match)}"
                for linked, rule in zip(by_hand, rules, strict=True)
            )
        )

    async def _alerts(self, found: Iterable[PairRow]) -> list[AlertShown]:
        ids = {pair.id for pair in found}
        return [alert for alert in await PairDesk(self.desk).alerts() if alert.pair_id in ids]


def key_of(name: Name, record: Record) -> str:
    """What people call the record, as Accord's connector spells it: `#2` for the second incident of PagerDuty."""
    return f"#{record.key}" if name == "pagerduty" else record.key


def _moment(line: HistoryLine) -> datetime:
    assert line.at is not None  # a write has been made
    return line.at


def _decided(lines: Sequence[ConflictShown], found: Sequence[PairRow]) -> Iterable[str]:
    if not lines:
        yield f"no conflict; {len(found)} pair{'s' * (len(found) != 1)} in step"
    for line in lines:
        yield f"{line.unit}: {_said(line)}"


def _said(line: ConflictShown) -> str:
    """`PagerDuty stands (1 / P1)`, `waits for a person`, `default (Critical / High)`."""
    values = ", ".join(" / ".join(map(shown, halves)) for halves in line.outcome.values())
    outcome = f" ({values})" if values else ""
    match line.kind, line.stage:
        case "unmapped", "opened":
            return "held"
        case "unmapped", _:
            return f"{line.rule.removeprefix('unmapped: ')}{outcome}"
        case _, "opened":
            return "waits for a person"
        case _, "resolved":
            return f"{line.winner} stands{outcome}, says {A_PERSON}"
    return f"{line.winner} stands{outcome}"


def _rule(line: ConflictShown) -> str:
    """What decided, or what asked for a person."""
    match line.kind, line.stage:
        case "unmapped", "opened":
            return f"unmapped: {line.rule}"
        case _, "opened":
            return f"{line.rule}: {line.reason.removesuffix(' holds')}"
    return line.rule


def _stands(record: Record, name: Name, scenario: Scenario) -> str:
    where = f"{PRODUCTS[name]} {key_of(name, record)}"
    if record.deleted:
        return f"{where}: deleted"
    values = [f"{called(field)} {shown(record.fields.get(field))}" for field in scenario.shows[name]]
    return f"{where}: {', '.join(values)}"


def _waits(found: Iterable[PairRow], alerts: Iterable[AlertShown]) -> Iterable[str]:
    for pair in found:
        if pair.link != "active":
            yield f"nothing: the link has ended: {pair.link_reason}"
        elif pair.waits_for:
            yield pair.waits_for
    for alert in alerts:
        yield f"alert: {alert.message}"


def _with_keys(ending: Ending, keys: Mapping[str, str]) -> Ending:
    spelled = {name: tuple(text.format_map(keys) for text in getattr(ending, name)) for name in PARTS}
    return replace(ending, **spelled)


def _listed(lines: Sequence[str]) -> str:
    return "; ".join(lines) or "nothing"
