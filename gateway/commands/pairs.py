"""`pairs`, `show`, `history`, `conflicts`, `alerts`: look."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from domain.durations import spell_duration
from gateway.commands.output import coloured, give, literal, moment, table, value_text
from gateway.commands.session import AsJson, Integration, Limit, Named, with_operations

if TYPE_CHECKING:
    from rich.console import Console

    from gateway.answers import AlertShown, ConflictShown, HearingShown, PairHistory, PairLine, PairShown
    from store.pairs import Link


def pairs(
    *,
    integration: Integration = None,
    state: Annotated[
        str | None, typer.Option(help="Only pairs in this state: pending_review, parked, …")
    ] = None,
    ended: Annotated[bool, typer.Option("--ended", help="Pairs whose link has ended.")] = False,
    limit: Limit = 100,
    as_json: AsJson = False,
) -> None:
    """List pairs: where each stands, and what it waits for."""
    link: Link = "detached" if ended else "active"
    found = with_operations(
        lambda ops: ops.pairs.listed(integration=integration, state=state, link=link, limit=limit)
    )
    give(found, as_json=as_json, show=_show_pairs)


def show(
    named: Named,
    *,
    as_json: AsJson = False,
) -> None:
    """Show one pair: both sides now, the baseline, each field's state, what it waits for."""
    give(with_operations(lambda ops: ops.pairs.show(named)), as_json=as_json, show=show_pair)


def history(
    named: Named,
    *,
    limit: Limit = 100,
    as_json: AsJson = False,
) -> None:
    """Tell everything that happened to a pair, oldest first."""
    give(
        with_operations(lambda ops: ops.pairs.history(named, limit=limit)),
        as_json=as_json,
        show=_show_history,
    )


def conflicts(
    named: Annotated[str | None, typer.Argument(metavar="[KEY]", help="One pair's; else all.")] = None,
    *,
    integration: Integration = None,
    field: Annotated[str | None, typer.Option(help="Of one field or group.")] = None,
    limit: Limit = 50,
    as_json: AsJson = False,
) -> None:
    """List conflicts and what was done about each, newest first."""
    found = with_operations(
        lambda ops: ops.pairs.conflicts(named=named, integration=integration, unit=field, limit=limit)
    )
    give(found, as_json=as_json, show=_show_conflicts)


def alerts(
    *,
    as_json: AsJson = False,
) -> None:
    """List alerts that stand; each says what to do."""
    give(with_operations(lambda ops: ops.pairs.alerts()), as_json=as_json, show=_show_alerts)


# ------------------------------------------------------------------------------------------------------ for people
def _show_pairs(out: Console, found: list[PairLine]) -> None:
    if not found:
        out.print("No pairs. `accord link INTEGRATION KEY_A KEY_B` makes one.")
        return
    rows = table("pair", "records", "integration", "state", "waits for")
    for pair in found:
        rows.add_row(
            pair.id,
            literal(pair.title),
            pair.integration,
            coloured(pair.states),
            literal(pair.waits_for or "–"),
        )
    out.print(rows)


def show_pair(out: Console, found: PairShown) -> None:
    """One pair on one page."""
    pair = found.pair
    out.print(f"[bold]{literal(pair.title)}[/]  {coloured(pair.states)}")
    out.print(literal(_sentence(pair)))
    out.print(
        f"[dim]{pair.integration} v{pair.version} · pair {pair.id} · last pass {moment(pair.last_pass_at)}[/]"
    )
    for end in pair.ends:
        if end.url:
            out.print(f"[dim]{end.system} {end.url}[/]")
    out.print(_fields(found))
    for system, why in found.unseen.items():
        out.print(f"[yellow]{system} can't be read now[/] ({literal(why)}); shown is what was last read.")
    for unit, why in found.parked.items():
        out.print(
            f"[magenta]{unit} is parked[/]: {literal(why)}. Mend the cause, then: accord retry {pair.id}"
        )
    for system in found.at_risk:
        out.print(
            f"[dim]At risk: {system} can't tell when an edit lands between our last read and our write.[/]"
        )
    for side in found.hearing:
        out.print(f"[dim]{_heard(side)}[/]")
    for write in found.writes:
        out.print(f"[dim]{moment(write.at)}[/] {literal(write.text)}")
    for review in found.reviews:
        out.print(f"[yellow]{review.unit} waits for a person[/]: {literal(review.reason)}")
        out.print(f"  accord approve {review.token}" if review.proposal else "  accord reviews")
    if found.workflow:
        out.print(f"[dim]{found.workflow}[/]")


def _heard(side: HearingShown) -> str:
    """How long an edit in this system can stand unseen."""
    told = "a lost webhook is never made up for" if side.exposure is None else "an edit is seen at once"
    if side.exposure:
        told = f"an edit is seen within {spell_duration(side.exposure)} at the latest"
    times = [f"last heard {moment(side.last_heard)}"] if side.last_heard else []
    times += [f"last polled {moment(side.last_polled)}"] if side.last_polled else []
    return ", ".join([f"{side.system} ({side.ways}): {told}", *times])


def _sentence(pair: PairLine) -> str:
    if pair.link != "active":
        return f"The link has ended: {pair.waits_for}."
    return f"Waits: {pair.waits_for}." if pair.waits_for else "In step; waits for the next change."


def _fields(found: PairShown) -> object:
    a, b = found.pair.ends
    rows = table(
        "field", f"{a.system} {literal(a.key)}", f"{b.system} {literal(b.key)}", "last in step", "state"
    )
    for field in found.fields:
        base = "–" if field.baseline is None else " / ".join(dict.fromkeys(map(value_text, field.baseline)))
        name = field.field if field.unit == field.field else f"{field.unit}.{field.field}"
        reason = f" [dim]{literal(field.reason)}[/]" if field.reason else ""
        rows.add_row(
            name,
            value_text(field.values[0]),
            value_text(field.values[1]),
            base,
            coloured([field.state]) + reason,
        )
    return rows


def _show_history(out: Console, found: PairHistory) -> None:
    out.print(f"[bold]{literal(found.pair.title)}[/]  {coloured(found.pair.states)}")
    rows = table("when (UTC)", "what", "who", "")
    for line in found.lines:
        link = f" [dim]{line.link}[/]" if line.link else ""
        rows.add_row(moment(line.at), line.kind, literal(line.who), literal(line.text) + link)
    out.print(rows)


def _show_conflicts(out: Console, found: list[ConflictShown]) -> None:
    if not found:
        out.print("No conflicts.")
        return
    rows = table("when (UTC)", "records", "field", "what", "outcome", "why")
    for line in found:
        outcome = (
            f"{line.winner} by {line.rule}" if line.winner else f"[yellow]waits[/] ({literal(line.rule)})"
        )
        rows.add_row(
            moment(line.at),
            literal(line.title),
            line.unit,
            line.kind.replace("_", " "),
            outcome,
            literal(line.reason),
        )
    out.print(rows)


def _show_alerts(out: Console, found: list[AlertShown]) -> None:
    if not found:
        out.print("[green]No alerts.[/]")
        return
    rows = table("since (UTC)", "kind", "what, where, and what to do")
    for alert in found:
        rows.add_row(moment(alert.raised_at), f"[red]{alert.kind}[/]", literal(alert.message))
    out.print(rows)
