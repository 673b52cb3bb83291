"""`accord lab backfill`: what the initial load of many records costs, and that a crash in it makes no difference."""

from __future__ import annotations

import asyncio
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Table

if TYPE_CHECKING:
    from lab.backfill.course import Loaded


def backfill(
    *,
    pairs: Annotated[int, typer.Option(min=100, help="Numbers in the first system.")] = 10_000,
    kill: Annotated[bool, typer.Option(help="SIGKILL the worker at 25 and 60 per cent.")] = False,
    json: Annotated[bool, typer.Option("--json", help="For programs.")] = False,
) -> None:
    """Load records between two simulated systems over HTTP: 70 % agree, 20 % are missing on one side, 6 % differ, 4 % are unclear.

    Exit code 1 if plan, run and expectation differ, a record is one too many or too few, or the worker's memory grows.
    """
    loaded = asyncio.run(_run(pairs, (25, 60) if kill else (), quiet=json))
    if json:
        typer.echo(loaded.model_dump_json(indent=2))
    else:
        _print(Console(), loaded)
    raise typer.Exit(int(not loaded.holds))


async def _run(pairs: int, kill_at: tuple[int, ...], *, quiet: bool) -> Loaded:
    from lab.backfill.course import Course  # noqa: PLC0415 - Temporal's and PostgreSQL's clients take long to load
    from lab.backfill.seed import Mixture  # noqa: PLC0415 - as above
    from lab.bench.stage import opened  # noqa: PLC0415 - as above

    columns = SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn()
    with (
        tempfile.TemporaryDirectory(prefix="accord-backfill-") as directory,
        Progress(*columns, console=Console(stderr=True), transient=True, disable=quiet) as progress,
    ):
        task = progress.add_task("starting")
        async with opened(Path(directory), sandbox=True) as stage:
            course = Course(
                stage, Mixture.of(pairs), kill_at, lambda what: progress.update(task, description=what)
            )
            return await course.run()


def _print(console: Console, loaded: Loaded) -> None:
    counts = Table("what", "expected", "planned", "done", title=f"{loaded.records} records")
    for name in type(loaded.done).model_fields:
        cells = [str(getattr(one, name)) for one in (loaded.expected, loaded.planned, loaded.done)]
        if set(cells) != {"0"}:
            counts.add_row(name, *cells)
    costs = Table("", "seconds", "API calls per record")
    costs.add_row("plan", f"{loaded.plan_seconds:.1f}", f"{loaded.plan_calls:.3f}")
    costs.add_row(f"load, {loaded.kills} kills", f"{loaded.load_seconds:.1f}", f"{loaded.load_calls:.3f}")
    costs.add_row("pairs that differed, to rest", f"{loaded.rest_seconds:.1f}", f"{loaded.rest_calls:.3f}")
    console.print(counts, costs)
    memory = loaded.memory
    console.print(
        f"worker's memory: {memory.start:.0f} MB at the start, {memory.most:.0f} at most, {memory.end:.0f} at the end; "
        f"from a third on it grew by {memory.growth:.0f} MB of {memory.allowed:.0f} allowed"
    )
    console.print(f"records too many or too few in both systems: {loaded.duplicates}")
    console.print("[green]holds[/]" if loaded.holds else "[red]doesn't hold[/]")
