"""`python -m lab.chaos.processes.run`: many seeded lives on a real stack that dies and fails; each history is judged."""

from __future__ import annotations

import argparse
import asyncio
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import yaml

from domain.sides import Pair
from gateway.ensuring import ensure_polls
from lab.chaos.check import TELLS, Violation, check, class_of
from lab.chaos.processes.history import Historian, Line
from lab.chaos.processes.plan import RIGS
from lab.chaos.processes.wave import Wave, declaration
from lab.chaos.run import keep
from lab.crashes.ground import Ground, opened

TOGETHER = 150
"""Lives at once: two cores bring about as many edits within the span of a wave as they can carry through."""


@dataclass(slots=True)
class Tally:
    """What came of a run."""

    of: int
    lived: int = 0
    deaths: int = 0
    broken: dict[int, list[Violation]] = field(default_factory=dict)
    """Seed → violations."""
    risky: int = 0
    """Broken where the systems are at risk (semantics §8)."""
    ends: Counter[str] = field(default_factory=Counter)
    """Lives by the states that they ended in."""
    lines: Counter[str] = field(default_factory=Counter)
    """Lines of all histories by kind."""
    began: float = field(default_factory=time.monotonic)

    def take(self, lines: list[Line]) -> bool:
        """Judge a history; whether it breaks a promise for which there is no excuse."""
        found, head = check(lines), lines[0]
        self.lived += 1
        self.lines.update(line["kind"] for line in lines)
        self.ends[", ".join(lines[-1]["states"]) or "never told"] += 1
        if found and class_of(head) != TELLS:
            self.risky += 1
        elif found:
            self.broken[head["seed"]] = found
        return head["seed"] in self.broken

    def __str__(self) -> str:
        spent = time.monotonic() - self.began
        left = spent / self.lived * (self.of - self.lived) / 60 if self.lived else 0
        ahead = f"; {left:.0f} min to go" if left else ""
        return (
            f"{self.lived} of {self.of} lives, {self.deaths} deaths, {len(self.broken)} broken, "
            f"{self.risky} broken at risk, in {spent:.0f} s{ahead}"
        )


async def run(directory: Path, seed: int, number: int, history: Path | None) -> Tally:
    """Live so many lives from that seed, in waves, and judge each; print after each wave how far it is.

    Args:
        directory: For everything that is kept meanwhile.
        seed: Of the first life.
        number: Of lives.
        history: Takes every history; without it, broken ones go to `chaos-<seed>.jsonl`.

    Raises:
        Restless: A wave didn't come to rest in time.
    """
    tally = Tally(number)
    further = {f"-{rig.name}": rig.words for rig in RIGS}
    with _logs_shown(directory):
        async with opened(directory, {}, further) as ground:
            await _waves(ground, range(seed, seed + number), tally, history)
    return tally


async def _waves(ground: Ground, seeds: Sequence[int], tally: Tally, history: Path | None) -> None:
    versions = {rig.name: await ground.declare(rig.name, yaml.safe_dump(declaration(rig))) for rig in RIGS}
    for rig in RIGS:
        await ground.hear([rig.name], f"-{rig.name}")
    await ensure_polls(ground.accord)
    since = Pair(0, 0)
    for start in range(0, len(seeds), TOGETHER):
        wave = Wave(ground, versions, seeds[start : start + TOGETHER])
        since = await _wave(wave, tally, since, history)
        print(tally, flush=True)


async def _wave(wave: Wave, tally: Tally, since: Pair[int], history: Path | None) -> Pair[int]:
    await wave.live()
    historian = Historian(wave)
    end = await historian.open(since)
    tally.deaths += len(wave.trouble.deaths)
    for life in wave.lives:
        lines = await historian.tell(life)
        if tally.take(lines) or history is not None:
            file = history or Path(f"chaos-{life.plan.seed}.jsonl")
            await asyncio.to_thread(keep, file, lines)
    return end


@contextmanager
def _logs_shown(directory: Path) -> Iterator[None]:
    """The end of every log that stands there, if what is done within fails: its folder goes with it."""
    try:
        yield
    except BaseException:
        for log in sorted(directory.rglob("*.log")):
            print(
                f"--- {log.relative_to(directory)}\n{log.read_text(errors='replace')[-3000:]}",
                file=sys.stderr,
            )
        raise


def main(arguments: Sequence[str] | None = None) -> int:
    """Exit code 1 if a life that isn't at risk breaks a promise."""
    parser = argparse.ArgumentParser(description="Seeded lives on a whole stack, judged.")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("-n", type=int, default=300)
    parser.add_argument("--history", type=Path, help="Append every history to this file.")
    said = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory(prefix="accord-chaos-") as directory:
        tally = asyncio.run(run(Path(directory), said.seed, said.n, said.history))
    for seed, found in tally.broken.items():
        print(f"seed {seed}: " + "\n  ".join(map(str, found)), file=sys.stderr)
    print("ended: " + "; ".join(f"{state} {n}" for state, n in tally.ends.most_common()))
    print("lines: " + "; ".join(f"{kind} {n}" for kind, n in tally.lines.most_common()))
    return int(bool(tally.broken))


if __name__ == "__main__":
    sys.exit(main())
