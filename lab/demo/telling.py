"""The demo as a person sees it: a short story per scenario while it happens, a table in the end. Systems by their names."""

from __future__ import annotations

import os
import shlex
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from itertools import starmap

from rich import box
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from gateway.stack_file import StackFile
from lab.demo.hands import Done
from lab.demo.outcome import Row, key_of
from lab.demo.script import PRODUCTS, Name, Scenario

COLOURS: dict[Name, str] = {"servicenow": "green", "jira": "blue", "pagerduty": "magenta"}
PIPED_WIDTH = 180
"""Columns where nobody looks: a line that is cut can't be searched."""


def demo_console() -> Console:
    return Console(width=None if sys.stdout.isatty() else PIPED_WIDTH, highlight=False)


@dataclass(frozen=True, slots=True)
class Teller:
    out: Console = field(default_factory=demo_console)

    def starting(self, what: str) -> None:
        """Progress: what is being started now."""
        self.out.print(f"[dim]starting {escape(what)} …[/]")

    def started(self) -> None:
        self.out.print("[bold green]Accord runs.[/]")

    def stopping(self) -> None:
        self.out.print("Stopping …")

    def said(self, message: str) -> None:
        """What the gateway answered to a decision."""
        self.out.print(f"\n[bold]A person decides[/]  {escape(message)}")

    def doors(self, addresses: StackFile) -> None:
        """Where to look."""
        self.out.print()
        if addresses.temporal_ui_url:
            self.out.print(f"  Temporal UI   {addresses.temporal_ui_url}")
        self.out.print(f"  API           {addresses.gateway_url}/api/docs")

    def question(self, key: str) -> None:
        """How to answer the review that is open, word for word."""
        self.out.print(f"\n[bold yellow]{key} waits for you.[/] In another terminal{_elsewhere()}:\n")
        self.out.print(f"  .venv/bin/accord show {key}")
        self.out.print(f"  .venv/bin/accord approve {key} --by YOUR-NAME")
        self.out.print(f"  .venv/bin/accord override {key} --side Jira --by YOUR-NAME")
        self.out.print("\nThe outcome is shown here. Ctrl-C ends the demo; the data stay.")

    def farewell(self) -> None:
        self.out.print("\nNothing waits any more. Ctrl-C ends the demo; the data stay.")

    @contextmanager
    def scenario(self, number: int, scenario: Scenario) -> Iterator[None]:
        """A heading; a sign of life while what happens is told below it."""
        self.out.print(f"\n[bold]{number}  {scenario.title}[/]  [dim]{escape(scenario.trouble)}[/]")
        with self.out.status("[dim]Accord is at work …[/]"):
            yield

    def happened(self, acts: Sequence[Done]) -> None:
        """What somebody did."""
        for act in acts:
            self.out.print(f"   {act_text(act)}")

    def row(self, row: Row) -> None:
        """What Accord made of it, and what stands now."""
        ending = row.ending
        for decided, rule in zip(ending.decided, ending.rules, strict=False):
            self.out.print(f"   [bold cyan]Accord[/]    {escape(decided)}  [dim]{escape(rule)}[/]")
        self._each("[cyan]wrote[/]     ", ending.written)
        self._each("[green]now[/]       ", ending.stands)
        self._each("[yellow]waits[/]     ", ending.waits)
        if not row.is_as_expected:
            self.out.print("   [bold red]This isn't how it should end.[/]")

    def _each(self, label: str, lines: Iterable[str]) -> None:
        for line in lines:
            self.out.print(f"   {label}{escape(line)}")

    def table(self, rows: Sequence[Row]) -> None:
        """All scenarios beside each other."""
        made = Table(box=box.ROUNDED, show_lines=True, title="What happened, and what Accord made of it")
        for column in ("Scenario", "Each side did", "Decided, and by which rule", "Written", "Waits"):
            made.add_column(column, overflow="fold")
        for row in rows:
            made.add_row(*_cells(row))
        self.out.print()
        self.out.print(made)

    def mismatch(self, rows: Sequence[Row]) -> None:
        """Where it ended otherwise than the script says."""
        for row in rows:
            for difference in row.differences():
                self.out.print(f"[red]{row.scenario.title}[/]: {escape(difference)}")

    def strangers(self, found: Mapping[Name, int]) -> None:
        """Records that nobody in the script made: duplicates, or some that came back from the dead."""
        for name, count in found.items():
            if count:
                self.out.print(f"[red]{PRODUCTS[name]}[/]: {count} more records than people made")


def _elsewhere() -> str:
    """The commands find the stack by its folder."""
    var = os.environ.get("ACCORD_VAR")
    return f" (after: export ACCORD_VAR={shlex.quote(var)})" if var else ""


def act_text(done: Done) -> str:
    """`14:03:12  PagerDuty   #2  alice: priority P2 → P1`."""
    act = done.act
    where = f"[{COLOURS[act.where]}]{PRODUCTS[act.where]:<10}[/]"
    key = key_of(act.where, done.save.record)
    return f"[dim]{clock(done)}[/]  {where}  {key:<10}  {act.who}: {escape(act.words)}"


def clock(done: Done) -> str:
    """When it was done, by this machine's wall clock."""
    return f"{datetime.fromtimestamp(done.save.at).astimezone():%H:%M:%S}"


def _cells(row: Row) -> tuple[str, ...]:
    mark = "[green]✔[/]" if row.is_as_expected else "[red]✘[/]"
    return (
        f"{mark} {row.scenario.title}",
        "\n".join(map(_act_cell, row.done)),
        "\n".join(starmap(_decision_cell, zip(row.ending.decided, row.ending.rules, strict=False))),
        escape("\n".join(row.ending.written)) or "–",
        escape("\n".join(row.ending.waits)) or "–",
    )


def _act_cell(done: Done) -> str:
    act = done.act
    where = f"[{COLOURS[act.where]}]{PRODUCTS[act.where]}[/]"
    return f"[dim]{clock(done)}[/] {where} {act.who}: {escape(act.words)}"


def _decision_cell(decided: str, rule: str) -> str:
    return f"{escape(decided)}\n[dim]  {escape(rule)}[/]"
