"""`accord lab`: the simulated systems at work. One file per subcommand; this one only joins them."""

from __future__ import annotations

import typer

from lab.backfill.command import backfill
from lab.bench.command import bench
from lab.crashes.command import crashes
from lab.scenarios.command import run
from lab.scenarios.record import record

app = typer.Typer(help="Run scenarios and measurements on simulated systems.", no_args_is_help=True)
app.command()(run)
app.command()(bench)
app.command()(crashes)
app.command()(backfill)
app.command()(record)


@app.callback()
def lab() -> None:
    """Run scenarios and measurements on simulated systems."""
