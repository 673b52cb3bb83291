"""`accord lab bench`: what a change costs, beside bare workflows that do as much or as little around it."""

from __future__ import annotations

import asyncio
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

if TYPE_CHECKING:
    from lab.bench.measuring import Size
    from lab.bench.results import Results


def bench(
    *,
    pairs: Annotated[int, typer.Option(min=10, help="Half of them change at once.")] = 100,
    rounds: Annotated[int, typer.Option(min=1, help="Of measurements, taken in turns.")] = 2,
    seconds: Annotated[float, typer.Option(min=1, help="Of saturation, per kind and round.")] = 8,
    pace: Annotated[float, typer.Option(help="Changes a second where they come at a steady pace.")] = 10,
    idle: Annotated[int, typer.Option(min=10, help="Pairs linked to measure memory.")] = 200,
    sandbox: Annotated[bool, typer.Option(help="Run workflows in the SDK's sandbox.")] = True,
    json: Annotated[bool, typer.Option("--json", help="For programs.")] = False,
) -> None:
    """Measure a change beside bare workflows, in one run on the embedded stack.

    Exit code 1 if a clean change is slower than promised: 30 % of the bare two-activity workflow, 50 % of the one with
    the same HTTP calls.
    """
    from lab.bench.measuring import Size  # noqa: PLC0415 - Temporal's and PostgreSQL's clients take long to load
    from lab.bench.report import print_results  # noqa: PLC0415 - as above

    results = asyncio.run(
        _run(
            Size(pairs=pairs, rounds=rounds, seconds=seconds, pace=pace, idle=idle),
            sandbox=sandbox,
            quiet=json,
        )
    )
    if json:
        typer.echo(results.model_dump_json(indent=2))
    else:
        print_results(Console(), results)
    raise typer.Exit(int(not results.all_hold))


async def _run(size: Size, *, sandbox: bool, quiet: bool) -> Results:
    """Measure, and say on stderr how far it is."""
    from lab.bench.measuring import measure  # noqa: PLC0415 - see above
    from lab.bench.stage import opened  # noqa: PLC0415 - see above

    columns = SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn()
    with (
        tempfile.TemporaryDirectory(prefix="accord-bench-") as directory,
        Progress(*columns, console=Console(stderr=True), transient=True, disable=quiet) as progress,
    ):
        task = progress.add_task("starting")
        async with opened(Path(directory), sandbox=sandbox) as stage:
            return await measure(stage, size, lambda what: progress.update(task, description=what))
