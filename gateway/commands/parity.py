"""`parity`, `sweep`: do both sides agree, and find out what nobody told."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Annotated

import typer

from gateway.commands.output import coloured, give, literal, moment, table
from gateway.commands.session import AsJson, Limit, with_operations

if TYPE_CHECKING:
    from rich.console import Console

    from gateway.answers import ParityShown, SweepShown

FULL = 0.9995
"""A share that is shown as 100.0 %."""


def parity(
    integration: Annotated[str | None, typer.Argument(help="With the pairs that differ, and why.")] = None,
    *,
    limit: Limit = 100,
    as_json: AsJson = False,
) -> None:
    """Tell how much is in step, and what differs since when and why. Exit code 1 if anything differs."""
    if integration is None:
        found = with_operations(lambda ops: ops.parity.shares())
        give(found, as_json=as_json, show=_show_shares)
    else:
        name = integration
        one = with_operations(lambda ops: ops.parity.of_integration(name, limit=limit))
        found = [one]
        give(one, as_json=as_json, show=_show_integration)
    raise typer.Exit(int(any(share.in_step < share.pairs for share in found)))


def sweep(
    integration: Annotated[str, typer.Argument(help="Both of its sides are listed.")],
    *,
    minutes: Annotated[float, typer.Option(min=0.1, help="Wait so long for the outcome.")] = 10,
    as_json: AsJson = False,
) -> None:
    """Compare both sides by listing now, and have the pairs look that missed something."""
    patience = timedelta(minutes=minutes)
    give(
        with_operations(lambda ops: ops.parity.sweep(integration, patience=patience)),
        as_json=as_json,
        show=_show_sweep,
    )


# ------------------------------------------------------------------------------------------------------ for people
def _show_shares(out: Console, found: list[ParityShown]) -> None:
    if not found:
        out.print("No pairs. `accord link INTEGRATION KEY_A KEY_B` makes one.")
        return
    rows = table("integration", "in step", "of", "share", "oldest difference", "others")
    for one in found:
        others = ", ".join(f"{coloured([state])} {number}" for state, number in sorted(one.states.items()))
        rows.add_row(
            literal(one.integration),
            str(one.in_step),
            str(one.pairs),
            _percent(one),
            moment(one.oldest) if one.oldest else "–",
            others,
        )
    out.print(rows)


def _show_integration(out: Console, one: ParityShown) -> None:
    _show_shares(out, [one])
    if not one.differing:
        return
    rows = table("pair", "records", "since", "why", "fields", "waits for")
    for pair in one.differing:
        rows.add_row(
            pair.id,
            literal(pair.title),
            moment(pair.since),
            coloured(pair.why),
            literal(", ".join(pair.fields)),
            literal(pair.reason),
        )
    out.print(rows)


def _percent(one: ParityShown) -> str:
    colour = "green" if one.share >= FULL else "yellow"
    return f"[{colour}]{one.share:.1%}[/]"


def _show_sweep(out: Console, found: SweepShown) -> None:
    told = found.behind + found.unlisted
    out.print(
        f"{literal(found.integration)}: {found.listed} records listed; {found.behind} not read as they stand, "
        f"{found.unlisted} linked but not listed"
        + (
            f"; {told} pairs look now, `accord parity {literal(found.integration)}` tells what came of it"
            if told
            else ""
        )
    )
