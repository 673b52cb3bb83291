"""A run for people: who is how fast, what each change costs, and which promises hold."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Console
from rich.table import Table
from rich.text import Text

from lab.bench.results import Claim, Latency, Results, Row

TITLES = {
    "bare": "bare workflow",
    "http": "same calls",
    "clean": "clean change",
    "conflict": "conflict",
    "echo": "echo",
    "burst": "edit in a burst",
}
LEGEND = """bare workflow: signal → two activities that do nothing · same calls: two reads in the first, one write in the second
clean change, conflict (decided by policy), echo (of our own write), edits in bursts (drained): Accord, webhook to write"""


def print_results(console: Console, results: Results) -> None:
    console.print(LEGEND)
    console.print(_speeds(results.rows), _costs(results.rows), _processors(results.rows))
    console.print(f"memory per idle, cached pair: {results.kilobytes_per_idle_pair:.0f} kB of the worker's")
    for claim in results.claims:
        console.print(_claim(claim))


def _speeds(rows: Sequence[Row]) -> Table:
    table = _table("Speed", "changes/s", "unloaded", "paced", "saturated")
    table.caption = "ms from edit to the other side's write: p50 / p95 / p99"
    for row in rows:
        spans = (row.unloaded, row.paced, row.loaded)
        table.add_row(TITLES[row.name], f"{row.per_second:.1f}", *map(_latency, spans))
    return table


def _costs(rows: Sequence[Row]) -> Table:
    columns = ("events", "tasks", "activities", "reads", "writes", "history", "other")
    table = _table("Cost per change: Temporal's, and calls to the systems", *columns)
    for row in rows:
        table.add_row(TITLES[row.name], *(f"{number:.2f}" for number in (*row.told, *row.requests)))
    return table


def _processors(rows: Sequence[Row]) -> Table:
    names = list(rows[0].cpu_ms)
    table = _table("CPU ms per change, saturated", *names, "sum")
    for row in rows:
        table.add_row(TITLES[row.name], *(f"{row.cpu_ms[n]:.1f}" for n in names), f"{row.cpu_total:.1f}")
    return table


def _table(title: str, *numbers: str) -> Table:
    table = Table("", title=title, title_justify="left")
    for number in numbers:
        table.add_column(number, justify="right")
    return table


def _latency(found: Latency | None) -> str:
    return f"{found.p50:.0f} / {found.p95:.0f} / {found.p99:.0f}" if found else "–"


def _claim(claim: Claim) -> Text:
    verdict = "holds" if claim.holds else "DOES NOT HOLD"
    line = f"{claim.text}: {claim.found:.0%}, at least {claim.at_least:.0%} promised: {verdict}"
    return Text(line, "green" if claim.holds else "bold red")
