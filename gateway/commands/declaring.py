"""`check`, `ownership`, `rehearse`, `plan`, `apply`: declarations, before and when they count."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Annotated

import typer

from gateway.commands.output import console, give, literal, print_json, table
from gateway.commands.session import AsJson, By, current_settings, with_operations

if TYPE_CHECKING:
    from rich.console import Console

    from gateway.answers import AppliedShown, PlanReport
    from gateway.declarations import Declaration
    from gateway.operations import Operations
    from integrations.findings import Finding
    from integrations.ownership import OwnershipRow
    from integrations.rehearsal import Departure, Rehearsed

File = Annotated[
    str, typer.Argument(metavar="FILE", help="A declaration, or its name in the folder of integrations.")
]

LEVELS = {"error": "red", "warning": "yellow", "note": "dim"}


def check(
    file: File,
    *,
    offline: Annotated[bool, typer.Option("--offline", help="Don't ask the live systems.")] = False,
    as_json: AsJson = False,
) -> None:
    """Check a declaration: its text, its maps against the live systems, what may surprise you. 1 if there are errors."""
    found = asyncio.run(_findings(_read(file), offline=offline))
    give(found, as_json=as_json, show=_show_findings)
    if any(finding.level == "error" for finding in found):
        raise typer.Exit(1)


def ownership(
    file: File,
    *,
    as_json: AsJson = False,
) -> None:
    """Print who owns which field and what decides a conflict, as a table for the wiki."""
    from gateway.declarations import called
    from integrations.ownership import ownership as owned

    declaration = _read(file)
    names = called(declaration.rules, current_settings())
    give(owned(declaration.rules, names), as_json=as_json, show=_show_ownership)


def rehearse(
    file: File,
    *,
    record: Annotated[bool, typer.Option("--record", help="Keep the outcomes as what is expected.")] = False,
    as_json: AsJson = False,
) -> None:
    """Try every situation a declaration can get into. 1 if an outcome isn't the recorded one."""
    from gateway.declarations import called
    from integrations.policies import custom_policies
    from integrations.rehearsal import recorded
    from integrations.rehearsal import rehearse as rehearsed

    declaration = _read(file)
    names = called(declaration.rules, current_settings())
    rows = rehearsed(declaration.rules, names=names, custom=custom_policies())
    if record:
        declaration.expectations.write_text(recorded(rows), encoding="utf-8")
    departed = _departures(declaration, rows)
    if as_json:
        print_json({"outcomes": rows, "departures": departed})
    else:
        _show_rehearsal(console(), rows, departed)
    if departed:
        raise typer.Exit(1)


def plan(
    file: Annotated[
        str | None, typer.Argument(metavar="[FILE]", help="A declaration; without one, everything applied.")
    ] = None,
    *,
    as_json: AsJson = False,
) -> None:
    """Tell what would be written on live data and how many reviews would open. 2 if anything; nothing is written."""
    declaration = None if file is None else _read(file)
    reports = with_operations(lambda ops: _plans(ops, declaration))
    give(reports, as_json=as_json, show=_show_plans)
    if any(not report.is_quiet for report in reports):
        raise typer.Exit(2)


def apply(
    file: File,
    *,
    now: Annotated[
        bool,
        typer.Option(
            "--now", help="Wake every pair at a limited rate, instead of waiting for its next pass."
        ),
    ] = False,
    by: By,
    as_json: AsJson = False,
) -> None:
    """Make a declaration the integration's current version."""
    declaration = _read(file)
    applied = with_operations(lambda ops: ops.declarations.apply(declaration, by=by, now=now))
    give(applied, as_json=as_json, show=_show_applied)


def _read(file: str) -> Declaration:
    from gateway.declarations import read_declaration

    return read_declaration(file, current_settings())


async def _findings(declaration: Declaration, *, offline: bool) -> list[Finding]:
    from connectors.registry import Connections
    from gateway.assembly import read_connections
    from gateway.desks.declarations import check_live
    from integrations.check import check as check_text
    from store.database import Database

    settings = current_settings()
    if offline:
        return check_text(declaration.rules, queues=settings.notify)
    connections = Connections(read_connections(settings))
    known = settings.database_url
    database = None if known is None else Database(known.get_secret_value(), pool_size=1)
    try:
        return await check_live(declaration.rules, connections, queues=settings.notify, database=database)
    finally:
        await connections.aclose()
        if database is not None:
            await database.close()


async def _plans(ops: Operations, declaration: Declaration | None) -> list[PlanReport]:
    if declaration is not None:
        return [await ops.plans.plan(declaration.rules, source=declaration.text)]
    return await ops.plans.plan_applied()


def _departures(declaration: Declaration, rows: list[Rehearsed]) -> list[Departure]:
    from integrations.rehearsal import departures, read_expectations

    path = declaration.expectations
    if not path.exists():
        return []
    return departures(rows, read_expectations(path.read_text(encoding="utf-8"), str(path)))


# ------------------------------------------------------------------------------------------------------ for people
def _show_findings(out: Console, found: list[Finding]) -> None:
    if not found:
        out.print("[green]Nothing to say against it.[/]")
    for finding in found:
        level = f"[{LEVELS[finding.level]}]{finding.level}[/]"
        out.print(f"{level} {literal(finding.path)}: {literal(finding.message)}", soft_wrap=True)


def _show_ownership(out: Console, found: list[OwnershipRow]) -> None:
    rows = table("field", "native names", "flows", "owner", "a conflict", "no counterpart", "when linked")
    for row in found:
        name = row.field if row.group is None else f"{row.group}.{row.field}"
        natives = " / ".join(dict.fromkeys(row.native))
        rows.add_row(
            *map(literal, (name, natives, row.flow, row.owner, row.policy, row.unmapped, row.on_link))
        )
    out.print(rows)


def _show_rehearsal(out: Console, rows: list[Rehearsed], departed: list[Departure]) -> None:
    shown = table("field", "situation", "outcome", "why")
    for row in rows:
        shown.add_row(*map(literal, (row.unit, row.situation, row.outcome, row.reason)))
    out.print(shown)
    for one in departed:
        out.print(f"[red]not as recorded[/] {literal(one.unit)}, {literal(one.situation)}:")
        out.print(f"  expected {literal(one.expected or 'no such situation')}")
        out.print(f"  found    {literal(one.found or 'no such situation')}")


def _show_plans(out: Console, reports: list[PlanReport]) -> None:
    for report in reports:
        applied = f"version {report.version}" if report.version else "not applied"
        out.print(f"[bold]{report.integration}[/] ({applied}): {report.pairs} pairs looked at")
        for pair in report.planned:
            out.print(f"  [bold]{literal(pair.title)}[/] [dim]{pair.pair_id}[/]")
            for line in pair.writes:
                out.print(f"    [cyan]write[/] {literal(line)}")
            for unit in pair.reviews:
                out.print(f"    [yellow]ask[/] a person about {literal(unit)}")
            for unit in pair.held:
                out.print(f"    [magenta]hold[/] {literal(unit)}: its value has no counterpart")
            if pair.trouble:
                out.print(f"    [red]trouble[/] {literal(pair.trouble)}")
        out.print(_summary(report))


def _summary(report: PlanReport) -> str:
    if report.is_quiet:
        return "[green]Nothing would be written, nobody asked.[/]"
    writes = sum(len(pair.writes) for pair in report.planned)
    reviews = sum(len(pair.reviews) for pair in report.planned)
    return f"{writes} values would be written, {reviews} reviews opened, on {len(report.planned)} pairs. Nothing was."


def _show_applied(out: Console, applied: AppliedShown) -> None:
    if not applied.is_new:
        out.print(f"{applied.integration}: version {applied.version} holds already; the text is the same.")
        return
    taken_up = f"{applied.woken} pairs woken" if applied.woken else "pairs take it up at their next pass"
    out.print(f"{applied.integration}: version [green]{applied.version}[/] holds; {taken_up}.")
