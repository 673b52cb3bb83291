"""The verbs against two real systems over HTTP, with a worker at work: one day of an operator."""

import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from lab.systems.records import Record
from tests.gateway.house import eventually
from tests.gateway.site import Site, a_site

pytestmark = pytest.mark.stack

DECLARATION = """
name: tickets
a: {connection: left, record_type: ticket}
b: {connection: right, record_type: issue}
defaults: {policy: [review]}
fields:
  - {name: title, a: title, b: summary}
  - {name: priority, a: priority, b: prio, values: {"1": High, "2": Low}}
"""


@dataclass(frozen=True, slots=True)
class Plant(Site):
    """A record in each system."""

    ticket: Record
    issue: Record

    async def told(self, *words: str) -> Any:
        """What a command tells programs."""
        code, text = await self.accord(*words, "--json")
        assert code in {0, 2}, text
        return json.loads(text)

    async def shows(self, field: str) -> Any:
        """What the issue holds."""
        return (await self.right.control.record("issue", self.issue.id)).record.fields[field]

    async def state(self) -> list[str]:
        (pair,) = await self.told("pairs")
        states: list[str] = pair["states"]
        return states


@pytest.fixture
async def plant(
    database_url: str, temporal_address: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> AsyncIterator[Plant]:
    environment = {
        "ACCORD_DATABASE_URL": database_url,
        "ACCORD_TEMPORAL_ADDRESS": temporal_address,
        "ACCORD_SANDBOX": "off",
    }
    async with a_site(DECLARATION, environment, tmp_path, capfd) as site:
        ticket = await site.left.control.create("ticket", {"title": "Printer", "priority": "2"})
        issue = await site.right.control.create("issue", {"summary": "Printer", "prio": "Low"})
        yield Plant(site.left, site.right, capfd, ticket, issue)


async def test_a_day_of_an_operator(plant: Plant) -> None:
    assert (await plant.accord("check", "tickets.yaml"))[0] == 0
    assert (await plant.told("apply", "tickets.yaml"))["version"] == 1
    linked = await plant.told("link", "tickets", plant.ticket.key, plant.issue.key)
    pair = linked["pair"]["id"]

    async def in_sync() -> bool:
        return await plant.state() == ["in_sync"]

    await eventually(in_sync)
    assert (await plant.accord("plan"))[0] == 0

    await plant.left.control.edit("ticket", plant.ticket.id, {"title": "Printer on fire"})
    code, text = await plant.accord("plan", "tickets.yaml")
    assert (code, "title Printer → Printer on fire" in text) == (2, True)
    assert (await plant.accord("sync", plant.ticket.key))[0] == 0

    async def arrived() -> bool:
        return bool(await plant.shows("summary") == "Printer on fire")

    await eventually(arrived)

    await plant.left.control.edit("ticket", plant.ticket.id, {"priority": "1"})
    await plant.right.control.edit("issue", plant.issue.id, {"prio": None})
    await plant.accord("sync", pair)

    async def asked() -> bool:
        return bool(await plant.told("reviews"))

    await eventually(asked)
    code, text = await plant.accord("override", plant.issue.key, "--value", "urgent", "--on", plant.issue.key)
    assert (code, "refused" in text) == (1, True)
    code, text = await plant.accord("override", plant.issue.key, "--side", plant.ticket.key, "--by", "ines")
    assert (code, "accepted" in text) == (0, True)

    async def decided() -> bool:
        return bool(await plant.shows("prio") == "High")

    await eventually(decided)
    kinds = {line["kind"] for line in (await plant.told("history", pair))["lines"]}
    assert kinds >= {"act", "run", "change", "write", "conflict", "decision"}
    assert (await plant.told("conflicts", pair))[0]["by"] == "ines"
    (rates,) = await plant.told("rates", "tickets")
    assert [(one["field"], one["conflicts"]) for one in rates["fields"]] == [("priority", 1)]
    assert rates["overruled"] == {"right": 1}
    code, text = await plant.accord("rates", "--hours", "2")
    assert (code, "tickets, the last 2h" in text, "right overruled" in text) == (0, True, True)


async def test_everything_is_also_said_for_people(plant: Plant) -> None:
    await plant.accord("apply", "tickets.yaml")
    await plant.accord("link", "tickets", plant.ticket.key, plant.issue.key)
    said = [
        await plant.accord(*words)
        for words in (
            ("pairs",),
            ("show", plant.ticket.key),
            ("history", plant.ticket.key),
            ("conflicts",),
            ("reviews",),
            ("alerts",),
            ("rates",),
            ("pause", "--connection", "left"),
            ("resume", "--connection", "left"),
            ("pause", plant.ticket.key),
            ("resume", "--all"),
            ("retry", "--integration", "tickets"),
            ("retry", "--cause", "quarantined", "tickets", "--dry-run"),
            ("renew", plant.ticket.key),
            ("unlink", plant.issue.key, "--reason", "wrong link"),
        )
    ]
    assert [code for code, _ in said] == [0] * len(said)
    assert plant.ticket.key in said[0][1]
    code, text = await plant.accord("show", "LEFT-9999")
    assert (code, text.count("\n")) == (1, 1)
    assert "no pair has 'LEFT-9999'" in text
