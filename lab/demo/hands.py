"""What people and automations do in the systems, each thing once.

The systems' own histories tell what is done already, so that there is no journal which could say something else: a
demo that was killed goes on with the first thing that nobody has done yet.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from time import time
from typing import Any, Literal

from lab.demo.script import Act, Fields, Name, Scenario
from lab.demo.systems import SYSTEMS
from lab.systems.control import LabControl
from lab.systems.records import Record, Save

A_MINUTE = 60
"""Records are that old when somebody edits them: an edit mustn't seem older than the record."""

TAG = re.compile(r"demo (\d+) / \w+")


@dataclass(frozen=True, slots=True)
class Done:
    """An act, and the save that it made."""

    act: Act
    save: Save


@dataclass(frozen=True, slots=True)
class Hands:
    """Plays one round. Records of a scenario bear a tag, at most one per system."""

    controls: Mapping[Name, LabControl]
    round: int

    async def records(self, scenario: Scenario) -> dict[Name, Record]:
        """The scenario's records as they are, deleted ones too, by system."""
        found = {name: await self._record(name, scenario) for name in scenario.shows}
        return {name: record for name, record in found.items() if record is not None}

    async def prepare(self, scenario: Scenario) -> dict[Name, Record]:
        """See to the records that stand there beforehand."""
        for name, fields in scenario.before.items():
            if await self._record(name, scenario) is None:
                await self._create(name, scenario, fields, by="somebody", at=time() - A_MINUTE)
        return await self.records(scenario)

    async def resume(self, script: Iterable[Scenario]) -> None:
        """Finish what a killed demo was in the middle of, while its systems are still silent; then let them speak."""
        for scenario in script:
            if await self.done(scenario):
                await self._do_the_rest(scenario)
        await self._let_speak()

    async def perform(self, scenario: Scenario) -> list[Done]:
        """Do what the scenario says and nobody has done yet; all of it before any system tells of it."""
        for control in self.controls.values():
            await control.hold()
        await self._do_the_rest(scenario)
        await self._let_speak()
        return await self.done(scenario)

    async def done(self, scenario: Scenario) -> list[Done]:
        """What has been done of the scenario so far."""
        found = [(act, await self._save_of(act, scenario)) for act in scenario.acts]
        return [Done(act, save) for act, save in found if save is not None]

    async def untagged(self) -> dict[Name, int]:
        """How many records there are that nobody of the script made."""
        return {name: sum(tag is None for tag in await _tags(self.controls[name], name)) for name in SYSTEMS}

    # ------------------------------------------------------------------------------------------------------ within
    async def _do_the_rest(self, scenario: Scenario) -> None:
        start = await self._start(scenario)
        for act in scenario.acts:
            if await self._save_of(act, scenario) is None:
                await self._do(act, scenario, at=start + act.after)

    async def _let_speak(self) -> None:
        for control in self.controls.values():
            await control.release()

    async def _start(self, scenario: Scenario) -> float:
        """When the first act is, or was: the last one is done now."""
        begun = [one.save.at - one.act.after for one in await self.done(scenario)]
        return min(begun, default=time() - max(act.after for act in scenario.acts))

    async def _do(self, act: Act, scenario: Scenario, at: float) -> None:
        if act.does == "create":
            await self._create(act.where, scenario, act.fields, by=act.who, at=at)
            return
        record = await self._record(act.where, scenario)
        assert record is not None
        control, kind = self.controls[act.where], record.record_type
        if act.does == "delete":
            await control.delete(kind, record.id, by=act.who, at=at)
            return
        origin: Literal["automation", "person"] = "automation" if act.by_automation else "person"
        await control.edit(kind, record.id, dict(act.fields), by=act.who, at=at, origin=origin)

    async def _create(self, name: Name, scenario: Scenario, fields: Fields, *, by: str, at: float) -> None:
        """Nobody sees a half-made record: the tag comes with the create."""
        system = SYSTEMS[name]
        tagged = {**_spelled(fields, self.round), system.tagged: self._tag(scenario)}
        await self.controls[name].create(system.record_type, tagged, by=by, at=at)

    async def _record(self, name: Name, scenario: Scenario) -> Record | None:
        system, tag = SYSTEMS[name], self._tag(scenario)
        found = await self.controls[name].records(system.record_type)
        return next((record for record in found if record.fields.get(system.tagged) == tag), None)

    async def _save_of(self, act: Act, scenario: Scenario) -> Save | None:
        record = await self._record(act.where, scenario)
        if record is None:
            return None
        history = await self.controls[act.where].record(record.record_type, record.id)
        return next((save for save in history.saves if _is_of(save, act)), None)

    def _tag(self, scenario: Scenario) -> str:
        return f"demo {self.round} / {scenario.name}"


EVENTS = {"create": "created", "edit": "updated", "delete": "deleted"}


def _is_of(save: Save, act: Act) -> bool:
    """In the script, nobody does two things of a kind to one record."""
    return (save.event, save.record.modified_by) == (EVENTS[act.does], act.who)


async def last_round(controls: Mapping[Name, LabControl]) -> int:
    """The number of the newest round; 0 if the demo was never played here."""
    tags = [tag for name, control in controls.items() for tag in await _tags(control, name)]
    return max((int(tag[1]) for tag in tags if tag), default=0)


async def _tags(control: LabControl, name: Name) -> Iterable[re.Match[str] | None]:
    records = await control.records(SYSTEMS[name].record_type)
    return [TAG.fullmatch(str(record.fields.get(SYSTEMS[name].tagged))) for record in records]


def _spelled(fields: Fields, number: int) -> dict[str, Any]:
    """Where it must differ from round to round, a value names its round."""
    return {name: value.format(round=number) for name, value in fields.items()}
