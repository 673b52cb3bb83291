"""`python -m lab.chaos.run`: live many seeded lives in one process, judge each, stop at the first that breaks a promise."""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from functools import partial
from pathlib import Path
from random import Random  # noqa: TID251 - seeded
from typing import Any

from activities.ending import EndingActivities
from activities.messages import PairRef
from activities.noting import NotingActivities
from activities.passes import PassActivities
from domain.records import RecordRef
from domain.sides import SIDES, Pair
from embedded.postgres import PostgresServer
from embedded.postgres_home import make_home
from embedded.postgres_programs import find_programs, within_reach
from embedded.settings import EmbeddedSettings
from embedded.supervisor import Supervisor
from lab.chaos.cast import DECLARED, NAMES, MortalDatabase, declaration, make_cast
from lab.chaos.check import at_risk, check
from lab.chaos.life import Life
from lab.chaos.port import Port, Rested, installed
from store import integrations, migrate, pairs
from store.database import Database
from store.pairs import EndRow
from workflows.pair import PairLoop
from workflows.state import PairState

DATABASE = "chaos"


async def live(plain: Database, mortal: MortalDatabase, seed: int) -> list[dict[str, Any]]:
    """One history, from link to rest."""
    chance = Random(seed)
    cast = make_cast(plain, mortal, chance, seed)
    name, record_id = f"chaos{seed}", str(seed)
    ends = Pair.of(
        lambda side: EndRow(
            RecordRef(connection=NAMES[side], record_type="ticket", id=record_id), f"TICKET-{seed}"
        )
    )
    async with plain.begin() as tx:
        await integrations.apply(tx, name, declaration(name), "chaos")
        version, _ = await integrations.current(tx, name) or (0, "")
        row = await pairs.create(tx, name, version, ends)
    ref = PairRef(integration=name, pair_id=row.id, systems=("Left", "Right"), keys=(ends.a.key, ends.b.key))
    life = Life(cast, seed, ref, Pair(record_id, record_id), chance)
    for steps in (PassActivities, EndingActivities, NotingActivities):
        life.instances[steps.__name__] = steps(cast.context)
    life.lines.append(_head(life))
    mortal.at_commit = life.at_commit
    for side in SIDES:
        cast.connectors[side].state.listeners.append(partial(life.saved, side))
    with installed(Port(life)):
        life.loop = loop = PairLoop(PairState(pair=ref))
        loop.state.look_everywhere("linked")
        life.edits_left, life.faults_left = chance.randrange(1, 9), chance.choice((0, 1, 3))
        ended = ""
        with suppress(Rested):
            ended = await loop.live()
    _finish(life, ended)
    return life.lines


def _head(life: Life) -> dict[str, Any]:
    can = {s.value: life.cast.connectors[s].capabilities.model_dump() for s in SIDES}
    return {
        "kind": "history",
        "format": 1,
        "seed": life.seed,
        "runner": "in-process",
        "capabilities": {
            side: {k: v for k, v in one.items() if isinstance(v, bool)} for side, one in can.items()
        },
        "fields": [one.head() for one in DECLARED],
        "records": _records(life),
    }


def _records(life: Life) -> dict[str, Any]:
    found = {s.value: life.system(s).records[life.records[s]] for s in SIDES}
    return {side: None if record.deleted else dict(record.fields) for side, record in found.items()}


def _finish(life: Life, ended: str) -> None:
    assert life.loop is not None
    standing = life.loop.state.standing
    states = ["detached"] if ended else list(standing.states)
    life.tell(
        "final",
        records=_records(life),
        states=states,
        waiting=list(standing.fields),
        reason=ended or standing.waits_for,
    )


@asynccontextmanager
async def databases() -> AsyncIterator[tuple[Database, MortalDatabase]]:
    """A throw-away PostgreSQL of this run's own."""
    with tempfile.TemporaryDirectory(prefix="accord-chaos-") as directory:
        var = Path(directory)
        await asyncio.to_thread(var.chmod, 0o755)  # the user that PostgreSQL runs as must get in
        async with Supervisor(var) as supervisor:
            home = make_home(var)
            found = find_programs(EmbeddedSettings.from_environment().postgres_bin, home.data_major)
            server = PostgresServer(
                home, within_reach(found, home.user, home.root / "programs"), throwaway=True
            )
            await server.prepare(supervisor)
            await supervisor.start(server.child())
            await asyncio.to_thread(migrate.upgrade, server.url(DATABASE))
            plain, mortal = Database(server.url(DATABASE)), MortalDatabase(server.url(DATABASE))
            yield plain, mortal
            await mortal.close()
            await plain.close()
        server.discard()


def keep(file: Path, lines: Sequence[dict[str, Any]]) -> None:
    """Append a history to a file."""
    with file.open("a", encoding="utf-8") as opened:
        opened.writelines(json.dumps(line) + "\n" for line in lines)


async def run(seed: int, number: int, history: Path | None) -> int:
    """Live and judge; the exit code."""
    began, risky, broken = time.monotonic(), 0, 0
    async with databases() as (plain, mortal):
        for one in range(seed, seed + number):
            lines = await live(plain, mortal, one)
            found, excused = check(lines), at_risk(lines[0])
            risky += bool(found) and excused
            if history is not None or (found and not excused):
                await asyncio.to_thread(keep, history or Path(f"chaos-{one}.jsonl"), lines)
            if found and not excused:
                broken += 1
                print(f"seed {one}: " + "\n  ".join(map(str, found)), file=sys.stderr)
    spent = time.monotonic() - began
    print(f"{number} histories from seed {seed} in {spent:.0f} s: {broken} broken; {risky} broken at risk")
    return int(broken > 0)


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description="Seeded lives of a pair, judged.")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("-n", type=int, default=200)
    parser.add_argument("--history", type=Path, help="Append every history to this file.")
    said = parser.parse_args(arguments)
    return asyncio.run(run(said.seed, said.n, said.history))


if __name__ == "__main__":
    sys.exit(main())
