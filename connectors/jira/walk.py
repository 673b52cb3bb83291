"""Walks an issue to a status, since Jira lets nobody set one.

The way is searched on the chart of the workflow (`transitions.py`). Where the chart has blanks, another issue that
stands in the unknown status shows by a mere read what follows it. Where there is none, the walk goes on only if the
issue has a single way on and its workflow has the target; it never guesses between two. Each hop is a save of its own,
so a refusal half-way leaves the issue in between, where its next read shows it.
"""

from __future__ import annotations

import contextlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from pydantic import JsonValue

from connectors.jira import jql
from connectors.jira.issue_api import IssueApi
from connectors.jira.transitions import MAX_HOPS, Chart, Transition, fill_screen, pick
from connectors.jira.values import AllowedValues
from domain.errors import RecordHidden, RecordRejected
from domain.records import RecordRef, Snapshot

STATUS = "status"


@dataclass(frozen=True, slots=True)
class Workflow:
    """Which workflow an issue follows."""

    project: str
    issue_type: str


@dataclass(frozen=True, slots=True)
class Errand:
    """One issue on its way."""

    ref: RecordRef
    workflow: Workflow
    target: str
    given: Mapping[str, JsonValue]
    """Other fields to set on the last screen."""
    marker: str


def errand_of(snapshot: Snapshot, fields: Mapping[str, JsonValue], marker: str) -> Errand:
    """The errand that these fields ask for."""
    issue_type = str(snapshot.fields.get("issuetype") or snapshot.ref.record_type)
    workflow = Workflow(str(snapshot.fields.get("project")), issue_type)
    given = {name: value for name, value in fields.items() if name != STATUS}
    return Errand(snapshot.ref, workflow, str(fields[STATUS]), given, marker)


@dataclass(slots=True)
class Walker:
    """Knows the workflows of one connection as far as it has seen them."""

    api: IssueApi
    values: AllowedValues
    defaults: Mapping[str, JsonValue]
    """Values for required screen fields that nobody gave."""
    charts: dict[Workflow, Chart] = field(default_factory=dict)

    async def walk(self, errand: Errand) -> None:
        """Lead the issue to the target from where it stands now, which may be half-way of an earlier walk.

        Raises:
            RecordRejected: No way is known, or a screen wants what nobody gave.
            StaleVersion: Somebody moved it at the same moment.
        """
        passed = [await self.api.status(errand.ref)]
        while passed[-1] != errand.target:
            options = await self._options(errand.ref, errand.workflow, passed[-1])
            status = await self._next(errand, passed)
            await self._take(errand, options, status)
            passed.append(status)

    async def _next(self, errand: Errand, passed: Sequence[str]) -> str:
        """The status to go to now."""
        if len(passed) > MAX_HOPS:
            raise _lost(errand, passed, f"it is farther than {MAX_HOPS} transitions")
        route = await self._find_route(errand, passed[-1])
        return route[0] if route else await self._only_way_on(errand, passed)

    async def _find_route(self, errand: Errand, here: str) -> list[str] | None:
        chart, asked = self._chart(errand.workflow), set[str]()
        while (route := chart.route(here, errand.target)) is None:
            blanks = [status for status in chart.blanks(here) if status not in asked]
            if not blanks:
                return None
            asked.add(blanks[0])
            await self._learn_from_another(errand.ref, errand.workflow, blanks[0])
        return route

    async def _only_way_on(self, errand: Errand, passed: Sequence[str]) -> str:
        """The one status that the issue can go on to, if the workflow has the target at all."""
        chart, workflow = self._chart(errand.workflow), errand.workflow
        ways = [status for status in chart.steps[passed[-1]] if status not in passed]
        if len(ways) != 1 or ways[0] not in chart.blanks(passed[-1]):
            raise _lost(
                errand, passed, f"none of {', '.join(ways) or 'its transitions'} is known to lead there"
            )
        if errand.target not in await self.values.statuses_in(workflow.project, workflow.issue_type):
            raise _lost(errand, passed, "its workflow has no such status")
        return ways[0]

    async def _learn_from_another(self, ref: RecordRef, workflow: Workflow, status: str) -> None:
        """Draw what follows this status, if some issue stands in it."""
        conditions = {"project": workflow.project, "issuetype": workflow.issue_type, STATUS: status}
        query = jql.both(f"{name} = {jql.quote(value)}" for name, value in conditions.items())
        page = await self.api.search(f"{query} ORDER BY updated DESC", ["id"], limit=1)
        for issue in page.issues:
            # The index may name an issue that is gone by now: then nothing is learnt, and nothing is wrong.
            with contextlib.suppress(RecordHidden):
                await self._options(ref.model_copy(update={"id": issue.id}), workflow, status)

    async def _options(self, ref: RecordRef, workflow: Workflow, status: str) -> list[Transition]:
        """The transitions that the issue may take now; drawn into the chart."""
        transitions = await self.api.transitions(ref)
        self._chart(workflow).draw(status, transitions)
        return transitions

    async def _take(self, errand: Errand, options: Sequence[Transition], status: str) -> None:
        given = errand.given if status == errand.target else {}
        transition = pick(options, status, {**self.defaults, **given})
        values = fill_screen(transition, given, self.defaults)
        await self.api.transit(errand.ref, transition.id, values, errand.marker)

    def _chart(self, workflow: Workflow) -> Chart:
        return self.charts.setdefault(workflow, Chart())


def _lost(errand: Errand, passed: Sequence[str], reason: str) -> RecordRejected:
    message = f"Jira {errand.ref} can't be led from {passed[-1]!r} to {errand.target!r}: {reason}"
    return RecordRejected(message, fields={STATUS: reason})
