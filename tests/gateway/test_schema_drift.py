"""Systems whose record types change under a declaration: real HTTP, a real store, the watch as a gateway runs it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest
import pytest_asyncio
from pydantic import SecretStr

from activities.context import Context
from activities.describing import KIND, SchemaWatch
from connectors.registry import Connections
from gateway.assembly import Accord, temporal_client
from gateway.desks.declarations import check_live
from integrations.connections import ConnectionConfig
from integrations.loader import parse_integration
from integrations.settings import Settings
from lab.systems.process import LabSystem
from store import alerts, integrations
from store.database import Database
from tests.gateway.house import NOWHERE, eventually, served

pytestmark = pytest.mark.stack

NAME = "incidents"
JIRA = """name: incidents
a: {connection: snow, record_type: incident}
b: {connection: jira, record_type: Bug}
create: {when: "true", direction: a_to_b, with: {jira: {project: OPS}}}
defaults: {policy: [{source_priority: snow}]}
fields:
  - {name: summary, a: short_description, b: summary}
  - {name: cause, a: u_cause, b: customfield_10004}
  - name: priority
    a: priority
    b: priority
    values:
      "1": Highest
      "2": High
      "3": Medium
      "4": Low
      "5": Lowest
"""
PAGER = """name: incidents
a: {connection: snow, record_type: incident}
b: {connection: pager, record_type: incident}
defaults: {policy: [{source_priority: snow}]}
fields:
  - {name: impact, a: impact, b: "custom_fields.business_impact", values: {"1": High, "2": Medium, "3": Low}}
  - {name: priority, a: priority, b: priority, flow: b_to_a, values: {b_to_a: {P1: "1", P2: "2", P3: "3", P4: "4", P5: "5"}}}
"""
PRIORITIES = ["Highest", "High", "Medium", "Low", "Lowest"]


@dataclass(slots=True)
class Country:
    """Two or three systems, what is declared of them, and who watches."""

    database: Database
    connections: Connections
    systems: dict[str, LabSystem]

    def watch(self, every: timedelta = timedelta(0)) -> SchemaWatch:
        """As a gateway that has just started."""
        return SchemaWatch(Context(self.database, self.connections), every)

    async def declare(self, text: str) -> None:
        async with self.database.begin() as tx:
            await integrations.apply(tx, NAME, text, "ines")

    async def change(self, name: str, **settings: Any) -> None:
        await self.systems[name].control.change_settings(**settings)

    async def alerts(self) -> list[str]:
        """Messages of those that stand."""
        async with self.database.begin() as tx:
            found = await alerts.open_alerts(tx)
        assert {alert.kind for alert in found} <= {KIND}
        return [alert.message for alert in found]

    async def ever_raised(self) -> int:
        async with self.database.begin() as tx:
            keys = await alerts.ever_raised(tx, "schema/")
            return sum([await alerts.times_raised(tx, key) for key in keys])

    async def checked(self, text: str) -> list[str]:
        """What `accord check` says that an alert stands for."""
        found = await check_live(parse_integration(text), self.connections, database=self.database)
        return [f"{one.path}: {one.message}" for one in found if one.alert]

    async def asked(self, name: str) -> int:
        return len(await self.systems[name].control.journal())


KINDS = {"snow": "servicenow", "jira": "jira", "pager": "pagerduty"}
SETTINGS: dict[str, dict[str, Any]] = {
    "snow": {"user": "accord", "password": "lab"},
    "jira": {"email": "accord@example.com", "token": "lab", "project": "OPS"},
    "pager": {"token": "lab", "from_email": "accord@example.com"},
}


@pytest_asyncio.fixture(scope="session")
async def processes(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[dict[str, LabSystem]]:
    """The systems, for all tests: three processes for each would cost seconds every time."""
    folder = tmp_path_factory.mktemp("lab")
    async with AsyncExitStack() as stack:
        yield {
            name: await stack.enter_async_context(await LabSystem.start(kind, name, folder))
            for name, kind in KINDS.items()
        }


@pytest_asyncio.fixture
async def country(database: Database, processes: dict[str, LabSystem]) -> AsyncIterator[Country]:
    for system in processes.values():
        await system.control.reset(settings=True, subscriptions=True)
    await processes["snow"].control.change_settings(custom_columns=["u_cause", "u_other"])
    configs = {
        name: ConnectionConfig(
            name=name, system=kind, settings={"url": processes[name].url, **SETTINGS[name]}
        )
        for name, kind in KINDS.items()
    }
    connections = Connections(configs)
    yield Country(database, connections, processes)
    await connections.aclose()


async def test_a_schema_that_fits_raises_nothing(country: Country) -> None:
    await country.declare(JIRA)
    await country.watch().look()
    assert await country.alerts() == []
    assert await country.checked(JIRA) == []


async def test_a_renamed_field_is_one_alert_that_names_line_and_new_name_until_it_is_mended(
    country: Country,
) -> None:
    await country.declare(JIRA)
    await country.watch().look()
    await country.change(
        "snow", custom_columns=["u_why", "u_other"], dictionary={"u_why": {"column_label": "Cause"}}
    )
    await country.watch().look()
    (told,) = await country.alerts()
    assert told.startswith("incidents, line 8, fields[1].a: snow's incident has no field 'u_cause'")
    assert "maybe renamed to 'u_why': map the new one, or drop it" in told
    (said,) = await country.checked(JIRA)
    assert told == f"incidents, line 8, {said}"

    await country.watch().look()  # another gateway, a second time
    assert (await country.alerts(), await country.ever_raised()) == ([told], 1)

    await country.declare(JIRA.replace("u_cause", "u_why"))
    await country.watch(timedelta(hours=1)).look()
    assert await country.alerts() == []


async def test_a_field_that_comes_back_clears_its_alert(country: Country) -> None:
    await country.declare(JIRA)
    watch = country.watch()
    await watch.look()
    await country.change("snow", removed_columns=["u_cause"])
    await watch.look()
    assert len(await country.alerts()) == 1
    await country.change("snow", removed_columns=[])
    await watch.look()
    assert await country.alerts() == []


async def test_a_renamed_value_is_told_on_both_of_its_faces_and_the_mended_map_clears_both(
    country: Country,
) -> None:
    await country.declare(JIRA)
    watch = country.watch()
    await watch.look()
    await country.change("jira", priorities=["Urgent", *PRIORITIES[1:]])
    await watch.look()
    gone, new = await country.alerts()
    assert gone.startswith(
        "incidents, line 13, fields[2].values: jira's 'priority' doesn't take 'Highest'; it was there"
    )
    assert "maybe renamed to 'Urgent': name the new one in the map" in gone
    assert "jira's 'priority' takes 'Urgent' (maybe 'Highest' renamed) since" in new
    assert "snow has no counterpart: the field waits until the map is mended; add it to the map" in new

    await country.declare(JIRA.replace("Highest", "Urgent"))
    await watch.look()
    assert await country.alerts() == []


async def test_a_new_value_is_told_only_where_a_map_does_not_cover_it(country: Country) -> None:
    for text, hit in (
        (JIRA, 1),
        (JIRA.replace('      "1": Highest', '      "1": Blocker\n      "9": Highest'), 0),
        (JIRA + "    unmapped: {default: {snow: '5'}}\n", 0),
        (JIRA + "    unmapped: blank\n", 1),
        (JIRA + "    flow: a_to_b\n", 0),
    ):
        await country.change("jira", priorities=PRIORITIES)
        await country.declare(text)
        watch = country.watch()
        await watch.look()
        await country.change("jira", priorities=["Blocker", *PRIORITIES])
        await watch.look()
        found = [told for told in await country.alerts() if "takes 'Blocker'" in told]
        assert len(found) == hit, text


async def test_values_that_had_no_counterpart_from_the_first_raise_no_alert(country: Country) -> None:
    await country.declare(JIRA.replace('      "5": Lowest\n', ""))
    await country.watch().look()
    await country.watch().look()
    assert await country.alerts() == []


async def test_a_changed_type_stands_until_a_new_version_says_that_it_was_seen_to(country: Country) -> None:
    await country.declare(JIRA)
    watch = country.watch()
    await watch.look()
    await country.change("snow", dictionary={"u_cause": {"internal_type": "reference", "mandatory": "true"}})
    await watch.look()
    typed, needed = await country.alerts()
    assert "snow's incident field 'u_cause' is reference, was string since" in typed
    assert "snow's incident field 'u_cause' must have a value since" in needed
    assert len(await country.checked(JIRA)) == 2
    await country.declare(JIRA + "# the cause is a reference now\n")
    await watch.look()
    assert await country.alerts() == []
    assert await country.checked(JIRA) == []


async def test_a_field_off_the_screen_and_a_new_mandatory_one_are_told(country: Country) -> None:
    await country.declare(JIRA)
    watch = country.watch()
    await watch.look()
    await country.change("jira", off_screen=["customfield_10004"], required_fields=["environment"])
    await watch.look()
    assert sorted(told.partition(" since")[0] for told in await country.alerts()) == [
        "incidents, line 4, create: jira's Bug field 'environment' must have a value",
        "incidents, line 8, fields[1].b: jira's Bug field 'customfield_10004' can't be written",
    ]


async def test_priorities_and_options_of_pagerduty_are_watched(country: Country) -> None:
    await country.declare(PAGER)
    watch = country.watch()
    await watch.look()
    assert await country.alerts() == []
    impact = {"id": "PCUST02", "display_name": "Business Impact", "options": ["High", "Medium", "Small"]}
    await country.change(
        "pager",
        priorities={f"P{n}": f"PPRIO{n}" for n in range(1, 7)},
        custom_fields={"business_impact": impact},
    )
    await watch.look()
    assert sorted(told.partition(": ")[2].partition(" since")[0] for told in await country.alerts()) == [
        "pager's 'custom_fields.business_impact' doesn't take 'Low'; it was there before "
        + (await country.alerts())[0].partition("before ")[2].partition(" UTC")[0]
        + " UTC, maybe renamed to 'Small': name the new one in the map; it takes 'High', 'Medium', 'Small'",
        "pager's 'custom_fields.business_impact' takes 'Small' (maybe 'Low' renamed)",
        "pager's 'priority' takes 'P6'",
    ]


async def test_each_record_type_is_described_once_per_interval_whoever_watches(country: Country) -> None:
    await country.declare(JIRA)
    await country.declare(JIRA)
    await country.watch(timedelta(hours=1)).look()
    asked = await country.asked("snow"), await country.asked("jira")
    assert asked <= (2, 4)  # dictionary and choices; fields, issue types, one screen, and who we are
    await country.watch(timedelta(hours=1)).look()
    assert (await country.asked("snow"), await country.asked("jira")) == asked


async def test_a_system_that_does_not_answer_neither_raises_nor_clears(country: Country) -> None:
    await country.declare(JIRA)
    watch = country.watch()
    await watch.look()
    await country.change("snow", removed_columns=["u_cause"])
    await watch.look()
    before = await country.alerts()
    await country.change("snow", password="another")
    await watch.look()
    assert await country.alerts() == before != []


async def test_a_gateway_tells_what_changed_while_none_ran_though_temporal_is_out(
    country: Country,
) -> None:
    await country.declare(JIRA)
    await country.watch().look()
    await country.change("snow", removed_columns=["u_cause"])
    settings = Settings(
        database_url=SecretStr("postgresql://in-the-context"),
        temporal_address=NOWHERE,
        schema_every=timedelta(seconds=1),
    )
    client = await temporal_client(settings, lazy=True)
    accord = Accord(settings, Context(country.database, country.connections), client)
    async with served(accord) as gateway:

        async def is_told() -> bool:
            found = (await gateway.get("/api/alerts")).json()
            return [alert["kind"] for alert in found] == [KIND]

        await eventually(is_told)
