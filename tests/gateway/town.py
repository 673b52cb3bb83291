"""Three plain systems over HTTP, two integrations that share one of them, and as many workers as a test wants."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from uuid import uuid4

import yaml
from pydantic import SecretStr

from domain.sides import Pair
from gateway.assembly import Accord, assembled, temporal_client
from gateway.beside import beside
from gateway.operations import Operations
from gateway.watching import Watch, keep_fresh
from integrations.settings import Settings
from lab.systems.outbox import Subscription
from lab.systems.process import LabSystem
from store import alerts, connections, integrations
from store.alerts import AlertRow
from store.connections import ConnectionRow
from store.database import Database
from store.pairs import PairRow
from tests.gateway.house import eventually, served
from worker import build_worker

SECRET = "town-webhooks"
NAMES = ("alpha", "beta", "gamma")
SHARING = {"alpha_beta": Pair("alpha", "beta"), "alpha_gamma": Pair("alpha", "gamma")}


def declaration(name: str) -> str:
    ends = SHARING[name].map(lambda connection: {"connection": connection, "record_type": "ticket"})
    fields = [{"name": "title", "a": "title", "b": "title", "policy": [{"source_priority": "a"}]}]
    return yaml.safe_dump({"name": name, "a": ends.a, "b": ends.b, "fields": fields})


@dataclass(slots=True)
class Town:
    """One deployment over the three systems."""

    accord: Accord
    systems: dict[str, LabSystem]
    folder: Path
    _stack: AsyncExitStack = field(default_factory=AsyncExitStack)

    @property
    def database(self) -> Database:
        return self.accord.database

    @property
    def operations(self) -> Operations:
        return Operations(self.accord)

    # ------------------------------------------------------------------------------------------------- processes
    async def open_worker(self) -> Accord:
        """One more worker, with connectors, gates and a pool of its own."""
        accord = await self._stack.enter_async_context(assembled(self.accord.settings, may_close=True))
        client = await temporal_client(accord.settings, lazy=False)
        await self._stack.enter_async_context(beside(keep_fresh(accord.connections)))
        await self._stack.enter_async_context(build_worker(replace(accord, temporal=client)))
        return accord

    async def watch(self) -> None:
        """What a gateway does for connections, without the rest of it."""
        await self._stack.enter_async_context(beside(Watch(self.accord).run()))

    async def hear(self) -> None:
        """A whole gateway, to which all systems send their webhooks."""
        client = await self._stack.enter_async_context(served(self.accord))
        for name, system in self.systems.items():
            url = f"{client.base_url}/webhooks/{name}"
            await system.control.subscribe(Subscription(id=name, url=url, secret=SECRET))

    # --------------------------------------------------------------------------------------------------- records
    async def link(self, integration: str, number: int = 1) -> list[PairRow]:
        """So many pairs after their first pass."""
        linked = await asyncio.gather(*(self._link(integration, n) for n in range(number)))
        for pair_id in linked:
            await eventually(lambda pair_id=pair_id: self.has_passed(pair_id))  # type: ignore[misc] # a bound default
        return [await self.operations.pairs.find(pair_id) for pair_id in linked]

    async def _link(self, integration: str, number: int) -> str:
        ends = SHARING[integration]
        made = [
            await self.systems[name].control.create("ticket", {"title": f"ticket {number}"}) for name in ends
        ]
        keys = Pair(made[0].id, made[1].id)
        return (await self.operations.links.link(integration, keys, by="ines")).pair.id

    async def has_passed(self, pair_id: str) -> bool:
        return (await self.operations.pairs.find(pair_id)).last_pass_at is not None

    async def edit(self, pairs: Sequence[PairRow], title: str) -> None:
        """A person gives every record on the first side a new title."""
        for pair in pairs:
            end = pair.ends.a.ref
            await self.systems[end.connection].control.edit("ticket", end.id, {"title": title})

    async def shows(self, pairs: Sequence[PairRow], title: str) -> bool:
        """Whether every record on the second side has this title."""
        ends = [pair.ends.b.ref for pair in pairs]
        found = {
            (name, record.id): record.fields["title"]
            for name in {end.connection for end in ends}
            for record in await self.systems[name].control.records("ticket")
        }
        return all(found[end.connection, end.id] == title for end in ends)

    async def states(self, pairs: Sequence[PairRow]) -> list[str]:
        found = [await self.operations.pairs.find(pair.id) for pair in pairs]
        return [" ".join(pair.state) for pair in found]

    # ---------------------------------------------------------------------------------------------- what stands
    async def alerts(self) -> list[AlertRow]:
        async with self.database.begin() as tx:
            return await alerts.open_alerts(tx)

    async def connection(self, name: str) -> ConnectionRow | None:
        async with self.database.begin() as tx:
            return await connections.get(tx, name)

    async def is_closed(self, name: str) -> bool:
        row = await self.connection(name)
        return row is not None and not row.is_open

    async def is_open(self, name: str) -> bool:
        return not await self.is_closed(name)

    async def requests(self, name: str, since: int = 0) -> int:
        """How many requests the system got."""
        return len(await self.systems[name].control.journal(since))

    def write_secret(self, name: str, token: str) -> None:
        """What a person who rotates a secret does; in one step, so that nobody reads half of it."""
        file = self.folder / f"{name}.token"
        fresh = file.with_suffix(".new")
        fresh.write_text(token)
        os.replace(fresh, file)  # noqa: PTH105 - atomic

    async def close(self) -> None:
        await self._stack.aclose()
        for name in NAMES:
            handle = self.accord.temporal.get_workflow_handle(f"connection/{name}")
            try:
                await handle.terminate("the test is over")
            except Exception:  # noqa: BLE001, S112 - it doesn't run
                continue


@asynccontextmanager
async def a_town(
    database_url: str, temporal: str, folder: Path, **settings: dict[str, str]
) -> AsyncIterator[Town]:
    """The systems run, the integrations are declared; no worker, gateway or pair yet.

    Args:
        database_url: Migrated and empty.
        temporal: Its address.
        folder: For the systems' state and the connections' file.
        settings: By connection, beside the necessary ones, such as `beta={"budget": "10/s"}`.
    """
    async with AsyncExitStack() as stack:
        systems = {
            name: await stack.enter_async_context(await LabSystem.start("plain", name, folder / "lab"))
            for name in NAMES
        }
        given = {
            name: {
                "system": "plain",
                "url": system.url,
                "token": f"${{file:{name}.token}}",
                "user": "sync",
                "timeout": "2s",
                "webhook_secrets": [SECRET],
                **settings.get(name, {}),
            }
            for name, system in systems.items()
        }
        (folder / "connections.yaml").write_text(yaml.safe_dump(given))
        for name in NAMES:
            (folder / f"{name}.token").write_text("lab")
        asked = Settings(
            database_url=SecretStr(database_url),
            temporal_address=temporal,
            task_queue=f"test-{uuid4().hex[:8]}",
            sandbox=False,
            connections_file=folder / "connections.yaml",
        )
        accord = await stack.enter_async_context(assembled(asked, may_close=True))
        accord = replace(accord, temporal=await temporal_client(asked, lazy=False))
        async with accord.database.begin() as tx:
            for name in SHARING:
                await integrations.apply(tx, name, declaration(name), "ines")
        town = Town(accord, systems, folder)
        try:
            yield town
        finally:
            await town.close()
