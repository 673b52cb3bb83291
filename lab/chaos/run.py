"""`python -m lab.chaos.run`: live many seeded lives, judge each, and show every one that breaks a promise."""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import sys
import tempfile
import time
from collections import Counter
from collections.abc import AsyncIterator, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Self

import uvloop
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from activities.rulebook import RuleBook
from embedded.postgres import PostgresServer
from embedded.postgres_home import make_home
from embedded.postgres_programs import find_programs, within_reach
from embedded.settings import EmbeddedSettings
from embedded.supervisor import Supervisor
from gateway.collector import look_less_often
from lab.chaos.breaks import BREAKS, broken
from lab.chaos.cast import Ground, Hands, MortalDatabase
from lab.chaos.check import CLASSES, TELLS, check, class_of
from lab.chaos.life import Line
from lab.chaos.live import in_memory, live
from store import migrate

DATABASE = "chaos"
PORTION = 50
"""Lives that a process lives between two words about its progress."""


@dataclass(slots=True)
class Tally:
    """What was found in a portion of lives, or in all of them."""

    lines: Counter[str] = field(default_factory=Counter)
    """By kind: what happened in them."""
    lives: Counter[str] = field(default_factory=Counter)
    """By what their systems can tell."""
    broken: dict[str, dict[int, list[str]]] = field(default_factory=lambda: {kind: {} for kind in CLASSES})
    """By the same: seed → what it breaks."""

    def judge(self, seed: int, lines: list[Line]) -> bool:
        """Judge one life; whether it breaks a promise that could have been kept."""
        found, kind = check(lines), class_of(lines[0])
        self.lives[kind] += 1
        self.lines.update(line["kind"] for line in lines[1:])
        if found:
            self.broken[kind][seed] = [str(one) for one in found]
        return bool(found) and kind == TELLS

    def add(self, other: Tally) -> None:
        self.lines += other.lines
        self.lives += other.lives
        for kind in CLASSES:
            self.broken[kind] |= other.broken[kind]


def live_portion(seeds: range, history: Path | None, break_: str | None) -> Tally:
    """Live these seeds in this process, each on a store of its own in memory."""
    with broken(break_):
        return uvloop.run(_live_all(seeds, history, keeps_broken=break_ is None))


async def _live_all(seeds: range, history: Path | None, *, keeps_broken: bool) -> Tally:
    tally, rules = Tally(), RuleBook()
    for seed in seeds:
        lines = await live(*in_memory(rules), seed)
        if tally.judge(seed, lines) and keeps_broken:
            keep(Path(f"chaos-{seed}.jsonl"), lines)
        if history is not None:
            keep(history, lines)
    return tally


def live_in_processes(
    seeds: range, jobs: int, history: Path | None = None, break_: str | None = None
) -> Iterator[Tally]:
    """Portions as they are done, in the order of their seeds; not more under way than there are processes."""
    portions = [seeds[at : at + PORTION] for at in range(0, len(seeds), PORTION)]
    files = [None if history is None else history.with_suffix(f".{one.start}.part") for one in portions]
    with ProcessPoolExecutor(jobs, initializer=look_less_often) as pool:
        waiting = iter(zip(portions, files, strict=True))
        under_way = [(pool.submit(live_portion, *one, break_), one[1]) for one in islice(waiting, 2 * jobs)]
        while under_way:
            future, part = under_way.pop(0)
            yield future.result()
            if history is not None and part is not None:
                with history.open("ab") as whole:
                    whole.write(part.read_bytes())
                part.unlink()
            under_way += [(pool.submit(live_portion, *one, break_), one[1]) for one in islice(waiting, 1)]


async def live_on_postgresql(seeds: range, history: Path | None) -> AsyncIterator[Tally]:
    """The same lives on a real store, one after the other: slow, and what the store in memory is measured by."""
    async with database() as mortal:
        for seed in seeds:
            tally = Tally()
            lines = await live(Ground(mortal, f"chaos{seed}"), Hands(), seed)
            if tally.judge(seed, lines) or history is not None:
                keep(history or Path(f"chaos-{seed}.jsonl"), lines)
            yield tally


@asynccontextmanager
async def database() -> AsyncIterator[MortalDatabase]:
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
            mortal = MortalDatabase(server.url(DATABASE))
            try:
                yield mortal
            finally:
                await mortal.close()
        server.discard()


def keep(file: Path, lines: Sequence[Line]) -> None:
    """Append a history to a file."""
    with file.open("a", encoding="utf-8") as opened:
        opened.writelines(json.dumps(line) + "\n" for line in lines)


class Watch:
    """Shows how far it has come, and says each broken life at once."""

    def __init__(self, number: int) -> None:
        self.console = Console(stderr=True)
        self.whole = Tally()
        self.began = time.monotonic()
        self._progress = Progress(
            TextColumn("lives"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeRemainingColumn(),
            TextColumn("{task.fields[broken]} broken"),
            console=self.console,
        )
        self._task = self._progress.add_task("", total=number, broken=0)

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._progress.stop()

    def take(self, tally: Tally) -> None:
        self.whole.add(tally)
        broken = len(self.whole.broken[TELLS])
        self._progress.update(self._task, completed=self.whole.lives.total(), broken=broken)
        for seed, found in tally.broken[TELLS].items():
            self.console.print(f"seed {seed}: " + "\n  ".join(found), style="red", highlight=False)

    def report(self, seeds: range) -> None:
        whole, spent = self.whole, max(time.monotonic() - self.began, 0.001)
        lives = whole.lives.total()
        happened = ", ".join(f"{number} {kind}" for kind, number in sorted(whole.lines.items()))
        print(f"{lives} histories, seeds {seeds.start}..{seeds[-1]}, {lives / spent:.0f}/s: {happened}")
        for kind in CLASSES:
            print(f"{kind}: {len(whole.broken[kind])} of {whole.lives[kind]} broken")


async def _on_postgresql(seeds: range, history: Path | None, watch: Watch) -> None:
    async for tally in live_on_postgresql(seeds, history):
        watch.take(tally)


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description="Seeded lives of a pair, judged.")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("-n", type=int, default=2000)
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="Processes.")
    parser.add_argument("--history", type=Path, help="Append every history to this file.")
    parser.add_argument("--postgresql", action="store_true", help="On a real store, one life at a time.")
    parser.add_argument(
        "--break", dest="break_", choices=BREAKS, help="Break one line of the protocol, and see it found."
    )
    said = parser.parse_args(arguments)
    if said.n < 1 or said.jobs < 1:
        parser.error("-n and --jobs must be at least 1")
    seeds = range(said.seed, said.seed + said.n)
    with Watch(said.n) as watch:
        if said.postgresql:
            asyncio.run(_on_postgresql(seeds, said.history, watch))
        else:
            for tally in live_in_processes(seeds, said.jobs, said.history, said.break_):
                watch.take(tally)
    watch.report(seeds)
    return int(bool(watch.whole.broken[TELLS]))


if __name__ == "__main__":
    sys.exit(main())
