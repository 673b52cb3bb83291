"""`rates`: how often conflicts arise, by field and system, and how near the declared alerts are."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Annotated

import typer

from gateway.commands.output import give, literal, table
from gateway.commands.session import AsJson, with_operations

if TYPE_CHECKING:
    from rich.console import Console

    from gateway.answers import RatesShown


def rates(
    integration: Annotated[str | None, typer.Argument(help="One integration; all, if omitted.")] = None,
    *,
    hours: Annotated[float, typer.Option(min=0.01, max=24 * 366, help="Look back so far.")] = 1,
    as_json: AsJson = False,
) -> None:
    """Tell how often conflicts arose, reviews opened and values were held, by field; and whose values were set aside."""
    window = timedelta(hours=hours)
    give(
        with_operations(lambda ops: ops.rates.listed(integration, window=window)),
        as_json=as_json,
        show=_show,
    )


def _show(out: Console, found: list[RatesShown]) -> None:
    for one in found:
        rows = table(
            "field", "conflicts", "per hour", "reviews", "held", *(f"{name} overruled" for name in one.systems),
            title=f"{one.integration}, the last {one.within}",
        )  # fmt: skip
        for field in one.fields:
            numbers = (field.conflicts, field.per_hour, field.reviews, field.unmapped)
            set_aside = (field.overruled.get(name, 0) for name in one.systems)
            rows.add_row(literal(field.field), *map(str, (*numbers, *set_aside)))
        out.print(rows if one.fields else f"{one.integration}: nothing within the last {one.within}.")
        for rule in one.rules:
            state = "[red]stands[/]" if rule.stands else "[green]quiet[/]"
            out.print(f"  {literal(rule.when)}: {rule.now} now, {state}, tells {literal(rule.notify)}")
