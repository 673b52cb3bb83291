"""`candidates`: what can't be matched by machine, and what people say of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from gateway.commands.output import give, literal, moment, table
from gateway.commands.session import AsJson, By, Integration, with_operations

if TYPE_CHECKING:
    from rich.console import Console

    from gateway.answers import EndShown, HeldShown, Told
    from store.held_matches import MatchDecision

Which = Annotated[
    str | None,
    typer.Argument(metavar="[INTEGRATION|KEY]", help="Only these; a record's key or id, to decide."),
]


def candidates(
    named: Which = None,
    *,
    create: Annotated[bool, typer.Option("--create", help="None of them: create a counterpart.")] = False,
    ignore: Annotated[bool, typer.Option("--ignore", help="Leave this record alone.")] = False,
    integration: Integration = None,
    by: By,
    as_json: AsJson = False,
) -> None:
    """Unlinked records that wait for a word: which belong together, or what was refused.

    Link two of them by `accord link INTEGRATION A B`.
    """
    if not (create or ignore):
        found = with_operations(lambda ops: ops.matches.listed(named or integration))
        give(found, as_json=as_json, show=_show)
        return
    if named is None or (create and ignore):
        raise typer.BadParameter("name one record by KEY, and say either --create or --ignore")
    key, decision = named, _decision(create=create)
    told = with_operations(lambda ops: ops.matches.say(key, decision, by=by, integration=integration))
    give(told, as_json=as_json, show=_show_told)


def _decision(*, create: bool) -> MatchDecision:
    return "create" if create else "ignore"


def _show(out: Console, found: list[HeldShown]) -> None:
    if not found:
        out.print("nothing waits to be matched")
        return
    shown = table("since", "integration", "may belong together", "", "why")
    for one in found:
        a, b = (_ends(ends) for ends in one.records)
        shown.add_row(moment(one.opened_at), literal(one.integration), a, b, literal(one.reason))
    out.print(shown)
    first = next((one for one in found if all(one.records)), None)
    if first is not None:
        a, b = (literal(ends[0].key) for ends in first.records)
        out.print(f"  accord link {literal(first.integration)} {a} {b}")
    key = literal(next(end.key for ends in found[0].records for end in ends))
    out.print(f"  accord candidates {key} --create | --ignore     accord retry {key}")


def _ends(ends: tuple[EndShown, ...]) -> str:
    return "\n".join(literal(f"{end.system} {end.key}") for end in ends)


def _show_told(out: Console, told: Told) -> None:
    out.print(literal(told.message))
