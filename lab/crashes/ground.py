"""What a campaign runs on: the embedded stack with mortal builds of worker and gateway, and two systems that don't die."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from pydantic import SecretStr

from domain.records import RecordRef
from domain.sides import Pair, Side
from embedded.settings import EmbeddedSettings
from embedded.stack import EmbeddedStack
from gateway.assembly import Accord, assembled
from gateway.running import Programs, accord_on
from integrations.settings import Settings
from lab.crashes.points import Points
from lab.systems.control import LabControl
from lab.systems.outbox import Subscription
from lab.systems.process import LabSystem
from store import baselines, integrations, pairs
from store.pairs import EndRow, PairRow

CONNECTIONS = Pair("alpha", "beta")
SECRET, TOKEN, USER = "crash-webhooks", "lab", "sync"
WORKERS = 2
"""The one works while the other comes back."""
PATIENT = 12
"""Retries of a webhook, each twice as late as the one before."""
NONE: Mapping[str, Mapping[str, Any]] = {}


@dataclass(frozen=True, slots=True)
class Ground:
    """The running processes, and the ways to them."""

    accord: Accord
    gateway_url: str
    controls: Pair[LabControl]
    points: Points
    stack: EmbeddedStack

    async def declare(self, name: str, source: str) -> int:
        """Apply a declaration; its version."""
        async with self.accord.database.begin() as tx:
            return await integrations.apply(tx, name, source, "crashes")

    async def link(
        self, name: str, version: int, ends: Pair[EndRow], moves: Mapping[str, baselines.Move]
    ) -> PairRow:
        """A pair in step, as if it had been linked long ago; its workflow starts with the first notice.

        Args:
            name: Of the integration.
            version: Of its declaration.
            ends: The records.
            moves: Field → its native names and values on both sides.
        """
        async with self.accord.database.begin() as tx:
            row = await pairs.create(tx, name, version, ends)
            await baselines.move(tx, row.id, moves)
        return row

    async def hear(self, record_types: Sequence[str], further: str = "") -> None:
        """Have both systems tell these connections, or their further ones, of these record types."""
        for name, control in zip(CONNECTIONS, self.controls, strict=True):
            connection = f"{name}{further}"
            url = f"{self.gateway_url}/webhooks/{connection}"
            await control.subscribe(
                Subscription(id=connection, url=url, secret=SECRET, record_types=list(record_types))
            )

    def ref(self, side: Side, record_type: str, record_id: str, further: str = "") -> RecordRef:
        return RecordRef(connection=f"{CONNECTIONS[side]}{further}", record_type=record_type, id=record_id)


@asynccontextmanager
async def opened(
    directory: Path, capabilities: Mapping[str, bool], further: Mapping[str, Mapping[str, Any]] = NONE
) -> AsyncIterator[Ground]:
    """Start everything; stop it at the end.

    Args:
        directory: For everything that is kept meanwhile.
        capabilities: What both systems can't do, or can, against what they say of themselves.
        further: More connections to the same systems: what their names end with → what else is said of them.
    """
    points = Points(directory / "points")
    points.prepare()
    programs = Programs(
        worker=("lab.crashes.worker", str(points.directory)),
        gateway=("lab.crashes.gateway", str(points.directory)),
    )
    async with (
        EmbeddedStack(EmbeddedSettings.for_tests(directory / "stack")) as stack,
        await LabSystem.start("plain", CONNECTIONS.a, directory / "lab") as alpha,
        await LabSystem.start("plain", CONNECTIONS.b, directory / "lab") as beta,
    ):
        systems, file = Pair(alpha, beta), directory / "connections.yaml"
        words = {"": {"capabilities": dict(capabilities)}, **further}
        known = {f"{one.name}{end}": _connection(one, said) for one in systems for end, said in words.items()}
        file.write_text(yaml.safe_dump(known))
        asked = Settings(
            connections_file=file,
            integrations_dir=directory,
            gateway_port=0,
            sandbox=False,  # which takes two seconds of every life
        )
        async with accord_on(stack, asked, workers=WORKERS, programs=programs) as addresses:
            ours = asked.model_copy(
                update={
                    "database_url": SecretStr(addresses.database_url),
                    "temporal_address": addresses.temporal_address,
                }
            )
            async with assembled(ours) as accord:
                controls = systems.map(lambda system: system.control)
                for control in controls:
                    await control.change_settings(webhook_retries=PATIENT)
                assert addresses.gateway_url is not None
                yield Ground(accord, addresses.gateway_url, controls, points, stack)


def _connection(system: LabSystem, words: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "system": "plain",
        "url": system.url,
        "token": TOKEN,
        "user": USER,
        "webhook_secrets": [SECRET],
        "clock_bound": "1s",
        **words,
    }
