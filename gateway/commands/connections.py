"""`connections`: does each one work, since when, why not."""

from __future__ import annotations

from typing import TYPE_CHECKING

from domain.durations import spell_duration
from gateway.commands.output import give, literal, moment, table
from gateway.commands.session import AsJson, with_operations

if TYPE_CHECKING:
    from rich.console import Console

    from gateway.answers import ConnectionShown

STATE_COLOURS = {"ok": "green", "unused": "white", "paused": "blue", "limited": "yellow"}


def connections(*, as_json: AsJson = False) -> None:
    """Does each connection work, since when, why not, and how many requests may still be made."""
    give(with_operations(lambda ops: ops.connections.listed()), as_json=as_json, show=_show)


def _show(out: Console, found: list[ConnectionShown]) -> None:
    if not found:
        out.print("No connections are configured.")
        return
    rows = table(
        "connection",
        "system",
        "state",
        "since (UTC)",
        "reason",
        "pairs waiting",
        "budget left",
        "last heard (UTC)",
        "edits unseen for",
    )
    for one in found:
        colour = STATE_COLOURS.get(one.state, "bold red")
        left = f"{one.budget_left} now ({one.budget})" if one.budget else "–"
        rows.add_row(
            one.name,
            one.system,
            f"[{colour}]{one.state}[/]",
            moment(one.since),
            literal(one.reason),
            str(one.waiting or "–"),
            left,
            moment(one.heard_at),
            _unseen(one),
        )
    out.print(rows)


def _unseen(one: ConnectionShown) -> str:
    """The longest time, if every webhook is lost."""
    if not one.ways:
        return "–"
    if one.exposure is None:
        return "ever: nobody polls"
    return f"{spell_duration(one.exposure)} at most" if one.exposure else "no time"
