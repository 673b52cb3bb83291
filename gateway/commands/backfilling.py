"""`backfill`: link and create what stood on both sides before; first a plan, then the run, which equals it."""

from __future__ import annotations

import asyncio
import sys
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from gateway.commands.output import console, literal, print_json, table
from gateway.commands.session import AsJson, By, Yes, with_operations

if TYPE_CHECKING:
    from rich.console import Console
    from rich.progress import Progress, TaskID

    from gateway.answers import BackfillShown
    from gateway.operations import Operations

LOOK_EVERY = 0.5
"""Seconds between looks at how far it is."""

SAID = {
    "link": "link",
    "create_a_to_b": "create {a} → {b}",
    "create_b_to_a": "create {b} → {a}",
    "ambiguous": "ambiguous: held for a person",
    "refused": "refused by the system: held",
    "differs": "differ, of those",
    "reviews": "open a review, of those",
    "linked_before": "linked before",
    "nothing": "left alone",
}


def backfill(
    integration: Annotated[str, typer.Argument(help="The integration's name.")],
    *,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only plan. 2 if anything would be done.")
    ] = False,
    yes: Yes = False,
    follow: Annotated[bool, typer.Option("--follow", help="Show the one that runs.")] = False,
    on_differences: Annotated[
        Literal["a", "b", "policy", "review"] | None,
        typer.Option(
            help="One answer for all differences that would open a review: whose value stands, or what decides."
        ),
    ] = None,
    ask_above: Annotated[
        int,
        typer.Option(min=0, help="More reviews than this are settled by one answer, or opened on purpose."),
    ] = 20,
    rate: Annotated[float | None, typer.Option(min=0.1, help="Records a second at most.")] = None,
    by: By,
    as_json: AsJson = False,
) -> None:
    """Load what stands on both sides: match, link, create by rule. It shows a plan first, and asks.

    It goes on by itself after any crash; interrupting this command only stops the showing.
    """

    async def load(ops: Operations) -> BackfillShown:
        if follow:
            return await followed(ops, integration, None, quiet=as_json)
        run = await ops.backfills.start(integration, by=by, dry_run=True, rate=rate)
        plan = await followed(ops, integration, run, quiet=as_json)
        if dry_run or not _is_work(plan):
            return plan
        if not as_json:
            _show(console(), plan)
        answer = on_differences
        if answer is None and not yes and plan.progress.tally.reviews > ask_above:
            answer = _asked(plan)
        if not yes:
            typer.confirm("Carry it out?", abort=True, err=True)
        run = await ops.backfills.start(
            integration, by=by, on_differences=answer, rate=rate, ask_above=ask_above
        )
        return await followed(ops, integration, run, quiet=as_json)

    shown = with_operations(load)
    if as_json:
        print_json(shown)
    else:
        _show(console(), shown)
    if dry_run and _is_work(shown):
        raise typer.Exit(2)


def _is_work(plan: BackfillShown) -> bool:
    tally = plan.progress.tally
    return bool(tally.pairs or tally.ambiguous or tally.differs)


def _asked(plan: BackfillShown) -> Literal["a", "b", "policy", "review"]:
    from click import Choice

    said: Literal["a", "b", "policy", "review"] = typer.prompt(
        f"{plan.progress.tally.reviews} pairs differ so that a review would open for each. "
        "Whose value stands (a, b), do the policies decide (policy), or open them all (review)?",
        type=Choice(["a", "b", "policy", "review"]),
        err=True,
    )
    return said


async def followed(ops: Operations, integration: str, run: str | None, *, quiet: bool) -> BackfillShown:
    """Show how far it is, to its end."""
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        SpinnerColumn,
        TextColumn,
        TimeElapsedColumn,
        TimeRemainingColumn,
    )

    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=Console(stderr=True), transient=True, disable=quiet) as bar:
        task = bar.add_task("begins", total=None)
        while True:
            shown = await ops.backfills.show(integration, run)
            if shown.progress.is_over:
                return shown
            _advance(bar, task, shown)
            await asyncio.sleep(LOOK_EVERY)


def _advance(bar: Progress, task: TaskID, shown: BackfillShown) -> None:
    progress, listed = shown.progress, sum(shown.progress.listed)
    what = "plans" if shown.dry_run else "loads"
    if progress.phase.startswith("listing"):
        bar.update(task, description=f"{what}: lists both sides", completed=listed, total=None)
    else:
        tally = progress.tally
        so_far = f"{tally.pairs} pairs, {tally.ambiguous + tally.refused} held"
        bar.update(task, description=f"{what}: {so_far}", completed=progress.matched, total=listed)


def _show(out: Console, shown: BackfillShown) -> None:
    tally, plan = shown.progress.tally, shown.plan
    title = f"{shown.integration}: {'plan' if shown.dry_run else 'initial load'}"
    found = table(
        "what", "would be" if shown.dry_run else "done", *(["planned"] if plan else []), title=title
    )
    a, b = (literal(system) for system in shown.systems)
    for name, said in SAID.items():
        n, planned = getattr(tally, name), getattr(plan, name) if plan else 0
        if n or planned:
            cells = [str(n), *([str(planned)] if plan else [])]
            found.add_row(said.format(a=a, b=b), *cells)
    out.print(found)
    if shown.progress.phase == "dropped":
        out.print("[yellow]broken off: another one took its place[/]")
    for note in (shown.progress.waits, shown.progress.moved_on):
        if note:
            out.print(literal(note))
    if tally.ambiguous or tally.refused:
        out.print(f"  accord candidates {shown.integration}")
    if shown.page and sys.stdout.isatty():
        out.print(f"  {literal(shown.page)}")
