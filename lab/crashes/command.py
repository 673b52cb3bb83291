"""`accord lab crashes`: die by SIGKILL at every fault point of every kind of work, and see that it makes no difference."""

from __future__ import annotations

import asyncio
import json as jsonlib
import tempfile
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Table

if TYPE_CHECKING:
    from lab.crashes.campaign import Finding
    from lab.crashes.points import Point


def crashes(
    *,
    pairs: Annotated[int, typer.Option(min=6, help="At once, of all kinds of work together.")] = 100,
    share: Annotated[float, typer.Option(min=0.01, max=1, help="Of the fault points.")] = 1,
    seed: Annotated[int, typer.Option(help="Chooses the points where --share is below 1.")] = 1,
    cas: Annotated[bool, typer.Option(help="Whether the systems compare and set.")] = True,
    json: Annotated[bool, typer.Option("--json", help="For programs.")] = False,
) -> None:
    """Kill worker and gateway once at every await that matters, in each kind of work, while many pairs share the stack.

    Exit code 1 if a pair ends otherwise than without a crash, or a point was never come by.
    """
    finding = asyncio.run(_run(pairs, share, seed, cas=cas, quiet=json))
    if json:
        typer.echo(jsonlib.dumps(_as_document(finding), indent=2))
    else:
        _print(Console(), finding)
    raise typer.Exit(int(not finding.holds))


async def _run(pairs: int, share: float, seed: int, *, cas: bool, quiet: bool) -> Finding:
    from lab.crashes.campaign import Campaign  # noqa: PLC0415 - Temporal's and PostgreSQL's clients take long to load
    from lab.crashes.ground import opened  # noqa: PLC0415 - as above

    columns = SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn()
    with (
        tempfile.TemporaryDirectory(prefix="accord-crashes-") as directory,
        Progress(*columns, console=Console(stderr=True), transient=True, disable=quiet) as progress,
    ):
        task = progress.add_task("starting")
        async with opened(Path(directory), {} if cas else {"cas": False}) as ground:
            campaign = Campaign(ground, lambda what: progress.update(task, description=what))
            return await campaign.run(pairs, share, seed)


def _print(console: Console, finding: Finding) -> None:
    """A row per step, a column per kind of work: points died at, of all."""
    kinds = sorted({point.subject for point in finding.points})
    table = Table("step", *kinds, title="died at, of the fault points of each step")
    every, hit = _counted(finding.points), _counted(finding.hit)
    for step in sorted({point.step for point in finding.points}):
        cells = [(hit[step, kind], every[step, kind]) for kind in kinds]
        table.add_row(step, *(f"[{_colour(a, b)}]{a} of {b}[/]" if b else "" for a, b in cells))
    console.print(table)
    for point in sorted(set(finding.points) - finding.hit):
        console.print(f"never come by: {point.subject} {point.name}", style="yellow", markup=False)
    for violation in finding.violations:
        console.print(violation, style="bold red", markup=False)
    console.print(
        f"{len(finding.hit)} deaths at {len(finding.points)} points, {finding.pairs} pairs lived through it, "
        f"{len(finding.violations)} violations"
    )


def _counted(points: list[Point] | set[Point]) -> Counter[tuple[str, str]]:
    return Counter((point.step, point.subject) for point in points)


def _colour(found: int, of: int) -> str:
    return "green" if found == of else "yellow"


def _as_document(finding: Finding) -> dict[str, object]:
    return {
        "points": len(finding.points),
        "deaths": len(finding.hit),
        "pairs": finding.pairs,
        "violations": finding.violations,
        "never": [list(point) for point in sorted(set(finding.points) - finding.hit)],
    }
