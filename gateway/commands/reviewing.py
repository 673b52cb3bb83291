"""`reviews`, `approve`, `override`: decide."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated

import typer

from gateway.commands.output import give, literal, moment, table, value_text
from gateway.commands.session import AsJson, By, Integration, Limit, with_operations

if TYPE_CHECKING:
    from pydantic import JsonValue
    from rich.console import Console

    from gateway.answers import DecisionAnswer, ReviewShown

Question = Annotated[
    str, typer.Argument(metavar="KEY|TOKEN", help="A review's token, or its pair by a ticket's key or an id.")
]
Field = Annotated[str | None, typer.Option(help="Which field, if the pair has several open reviews.")]
Note = Annotated[str | None, typer.Option(help="Kept with the decision.")]


def reviews(
    named: Annotated[str | None, typer.Argument(metavar="[KEY]", help="One pair's; else all.")] = None,
    *,
    integration: Integration = None,
    limit: Limit = 100,
    as_json: AsJson = False,
) -> None:
    """List what waits for a person, the longest waiting first."""
    found = with_operations(lambda ops: ops.reviews.listed(named=named, integration=integration, limit=limit))
    give(found, as_json=as_json, show=_show_reviews)


def approve(
    named: Question, *, field: Field = None, note: Note = None, by: By, as_json: AsJson = False
) -> None:
    """Take a review's proposal."""
    answer = with_operations(lambda ops: ops.reviews.decide(named, "approve", by=by, unit=field, note=note))
    _finish(answer, as_json=as_json)


def override(
    named: Question,
    *,
    side: Annotated[
        str | None, typer.Option(help="Whose value stands: a system's name or a ticket's key.")
    ] = None,
    value: Annotated[str | None, typer.Option(help="A value of your own, as JSON or plain text.")] = None,
    on: Annotated[str | None, typer.Option(help="The system to which that value is native.")] = None,
    empty: Annotated[bool, typer.Option("--empty", help="Decide for an empty value (with --on).")] = False,
    field: Field = None,
    note: Note = None,
    by: By,
    as_json: AsJson = False,
) -> None:
    """Decide a review otherwise: one side's value, or a value of your own."""
    is_valued = value is not None or empty
    if (side is None) == (not is_valued) or (is_valued and on is None):
        raise typer.BadParameter(
            "say either --side SYSTEM, or --value V (or --empty) together with --on SYSTEM"
        )
    answer = with_operations(
        lambda ops: ops.reviews.decide(
            named,
            "value" if is_valued else "side",
            by=by,
            side=on if is_valued else side,
            value=None if value is None else _read_value(value),
            unit=field,
            note=note,
        )
    )
    _finish(answer, as_json=as_json)


def _read_value(written: str) -> JsonValue:
    """JSON where it is JSON beyond a bare number (whose text is more often meant), else the text itself."""
    if written.strip()[:1] not in {"{", "[", '"'} and written not in {"true", "false", "null"}:
        return written
    try:
        parsed: JsonValue = json.loads(written)
    except ValueError:
        return written
    return parsed


def _finish(answer: DecisionAnswer, *, as_json: bool) -> None:
    give(answer, as_json=as_json, show=_show_answer)
    if answer.outcome == "refused":
        raise typer.Exit(1)


# ------------------------------------------------------------------------------------------------------ for people
def _show_answer(out: Console, answer: DecisionAnswer) -> None:
    colour = {"accepted": "green", "queued": "yellow", "refused": "red"}[answer.outcome]
    out.print(f"[{colour}]{answer.outcome}[/]: {literal(answer.unit)}: {literal(answer.message)}")
    if answer.review is not None:
        out.print("It stands now like this:")
        show_review(out, answer.review)


def _show_reviews(out: Console, found: list[ReviewShown]) -> None:
    if not found:
        out.print("[green]Nothing waits for a person.[/]")
    for review in found:
        show_review(out, review)


def show_review(out: Console, review: ReviewShown) -> None:
    """One question, with everything that helps to answer it, and the commands that answer it."""
    out.print(f"[bold]{literal(review.title)}[/]: [yellow]{review.unit}[/] since {moment(review.opened_at)}")
    out.print(f"{literal(review.reason)} [dim](asked by {literal(review.asked_by)})[/]")
    out.print(_values(review))
    for line in review.history:
        out.print(f"  [dim]{moment(line.at)} {literal(line.who)}[/] {literal(line.text)}")
    if review.proposal:
        out.print(f"Proposal: {literal(review.proposal)}")
        out.print(f"  accord approve {review.token}")
    for system in dict.fromkeys(value.system for value in review.values):
        out.print(
            f"  accord override {review.token} --side {json.dumps(system) if ' ' in system else system}"
        )


def _values(review: ReviewShown) -> object:
    rows = table("system", "field", "value", "reads over there as", "by", "at (UTC)", "last in step")
    for value in review.values:
        base = review.base.get(value.field)
        rows.add_row(
            value.system,
            value.field,
            value_text(value.value),
            value_text(value.elsewhere),
            literal(value.by or "–"),
            moment(value.at),
            "–" if base is None else " / ".join(dict.fromkeys(map(value_text, base))),
        )
    return rows
