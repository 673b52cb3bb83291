"""`duplicates`: what stands twice or is linked crosswise; a plan first, and only on request carried out."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from gateway.commands.backfilling import followed
from gateway.commands.output import console, literal, moment, print_json, table
from gateway.commands.session import AsJson, By, Yes, with_operations

if TYPE_CHECKING:
    from rich.console import Console

    from domain.proposing import Proposal
    from gateway.duplicates import DuplicatesPlan, DuplicatesShown, GroupShown, ProposalDone
    from gateway.operations import Operations

COLOURS = {"keep": "yellow", "link": "green", "close": "cyan", "close_by_hand": "magenta"}


def duplicates(
    integration: Annotated[str, typer.Argument(help="The integration's name.")],
    *,
    apply: Annotated[
        bool, typer.Option("--apply", help="Carry out what is proposed; it asks first.")
    ] = False,
    plan: Annotated[
        Path | None,
        typer.Option(
            help="With --apply: this plan (from --json), instead of a new one.", exists=True, dir_okay=False
        ),
    ] = None,
    yes: Yes = False,
    rate: Annotated[float | None, typer.Option(min=0.1, help="Records a second at most.")] = None,
    by: By,
    as_json: AsJson = False,
) -> None:
    """Records that stand twice, and links that cross: proposes keep, link or close. 2 if anything would be done.

    Without --apply nothing is written. Nothing is ever deleted.
    """
    if plan is not None and not apply:
        raise typer.BadParameter("--plan goes with --apply")

    async def work(ops: Operations) -> DuplicatesShown:
        from gateway.duplicates import DuplicatesShown

        planned = (
            _read(plan, integration) if plan else await _planned(ops, integration, by, rate, quiet=as_json)
        )
        if not apply or not planned.work:
            return DuplicatesShown(plan=planned)
        if not as_json:
            _show_plan(console(), planned)
        if not yes:
            typer.confirm(f"Carry out {len(planned.work)} of these?", abort=True, err=True)
        return DuplicatesShown(
            plan=planned, applied=tuple(await ops.duplicates.apply(planned, by=by)), asked=True
        )

    shown = with_operations(work)
    if as_json:
        print_json(shown.plan if not apply else shown)
    elif shown.asked:
        _show_done(console(), shown.applied)
    else:
        _show_plan(console(), shown.plan)
    if not apply and shown.plan.work:
        raise typer.Exit(2)
    if any(not one.done for one in shown.applied):
        raise typer.Exit(1)


async def _planned(
    ops: Operations, integration: str, by: str, rate: float | None, *, quiet: bool
) -> DuplicatesPlan:
    run = await ops.duplicates.start(integration, by=by, rate=rate)
    await followed(ops, integration, run, quiet=quiet)
    return await ops.duplicates.plan(integration, run)


def _read(path: Path, integration: str) -> DuplicatesPlan:
    """A plan as `--json` printed it."""
    from pydantic import ValidationError

    from domain.errors import ConfigError
    from gateway.duplicates import DuplicatesPlan

    try:
        found = DuplicatesPlan.model_validate_json(path.read_bytes())
    except (OSError, ValidationError) as error:
        raise ConfigError(f"{path} is no plan that `accord duplicates --json` printed: {error}") from error
    if found.integration != integration:
        raise ConfigError(f"{path} is a plan of {found.integration}, not of {integration}")
    return found


def _show_plan(out: Console, plan: DuplicatesPlan) -> None:
    name, listed = literal(plan.integration), sum(plan.listed)
    if not plan.groups:
        out.print(f"{name}: nothing stands twice among {listed} records, and no links cross")
        return
    for number, group in enumerate(plan.groups, 1):
        _show_group(out, group, number)
    n = {
        action: sum(p.action == action for g in plan.groups for p in g.proposals)
        for action in ("link", "close", "close_by_hand", "keep")
    }
    out.print(
        f"{name}: {len(plan.groups)} groups among {listed} records: {n['link']} to link, {n['close']} to close, "
        f"{n['close_by_hand']} to close by hand, {n['keep']} to keep"
    )
    if plan.work:
        out.print(f"  accord duplicates {name} --apply")


def _show_group(out: Console, group: GroupShown, number: int) -> None:
    what = "crossed links" if group.is_crossed else f"{group.size} records"
    by = f" by {literal(group.by)}" if group.by else ""
    found = table(
        "record", "title", "state", "created", "changed", "linked with", title=f"{number}. {what}{by}"
    )
    for one in group.twins:
        found.add_row(
            literal(f"{one.end.system} {one.end.key}"),
            literal(one.title),
            literal(one.state),
            moment(one.created_at),
            moment(one.modified_at),
            literal(one.link or "–"),
        )
    out.print(found)
    for proposal in group.proposals:
        _show_proposal(out, proposal)
    out.print()


def _show_proposal(out: Console, one: Proposal) -> None:
    word = one.action.replace("_", " ")
    keys = " ".join(literal(key) for key in (one.keys if one.action == "link" else one.keys[:1]))
    out.print(f"  [{COLOURS[one.action]}]{word}[/] {keys}{': ' if keys else ''}{literal(one.reason)}")
    if one.closing:
        written = ", ".join(f"{name} = {value}" for name, value in one.closing.items())
        out.print(f"    writes {literal(written)}")
    if one.own:
        out.print(f"    [yellow]holds values of its own[/]: {literal(', '.join(one.own))}; they stay on it")
    for step in one.steps:
        out.print(f"    {literal(step)}")


def _show_done(out: Console, applied: tuple[ProposalDone, ...]) -> None:
    for one in applied:
        keys = literal(" ".join(one.keys if one.action == "link" else one.keys[:1]))
        done = "[green]done[/]" if one.done else f"[yellow]skipped[/]: {literal(one.why)}"
        out.print(f"  {one.action} {keys}: {done}")
