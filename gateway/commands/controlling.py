"""`pause`, `resume`, `retry`, `sync`, `link`, `unlink`: act on pairs."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from gateway.commands.output import console, give, literal, table
from gateway.commands.session import AsJson, By, Integration, Named, Reason, Yes, with_operations

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from rich.console import Console

    from gateway.answers import Linked, LinksTaken, StoppedShown, Told
    from gateway.desks.controls import ControlDesk

MaybeNamed = Annotated[
    str | None,
    typer.Argument(metavar="[KEY]", help="A ticket's key or a pair's id; or say --integration, --all."),
]
Connection = Annotated[
    str | None, typer.Option("--connection", "-c", help="One connection: whatever needs it waits.")
]
Everything = Annotated[bool, typer.Option("--all", help="Every integration.")]
Cause = Annotated[
    str | None,
    typer.Option(
        help="All that stand still for it: quarantined, refused, flap, unreachable, braked; or words of the reason."
    ),
]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Only say how many.")]


def pause(
    named: MaybeNamed = None,
    *,
    integration: Integration = None,
    connection: Connection = None,
    everything: Everything = False,
    reason: Reason = "",
    by: By,
    as_json: AsJson = False,
) -> None:
    """Stop a pair, an integration, a connection, or all; what is heard meanwhile is kept."""
    if connection is not None:
        _refuse_more(named, integration, everything=everything)
        told = with_operations(lambda ops: ops.connections.pause(connection, by=by, reason=reason))
        give(told, as_json=as_json, show=_show_told)
        return
    _tell(
        (named, integration, everything),
        lambda desk, key: desk.tell(key, "pause", by=by, reason=reason),
        lambda desk, name: desk.pause_all(name, by=by, reason=reason),
        as_json=as_json,
    )


def resume(
    named: MaybeNamed = None,
    *,
    integration: Integration = None,
    connection: Connection = None,
    everything: Everything = False,
    reason: Reason = "",
    by: By,
    as_json: AsJson = False,
) -> None:
    """Let a pair, an integration, a connection, or all go on."""
    if connection is not None:
        _refuse_more(named, integration, everything=everything)
        told = with_operations(lambda ops: ops.connections.resume(connection, by=by))
        give(told, as_json=as_json, show=_show_told)
        return
    _tell(
        (named, integration, everything),
        lambda desk, key: desk.tell(key, "resume", by=by, reason=reason),
        lambda desk, name: desk.resume_all(name, by=by),
        as_json=as_json,
    )


def retry(
    named: MaybeNamed = None,
    *,
    integration: Integration = None,
    everything: Everything = False,
    cause: Cause = None,
    dry_run: DryRun = False,
    yes: Yes = False,
    by: By,
    as_json: AsJson = False,
) -> None:
    """Say that a cause is mended: leave quarantine, take up parked fields, look again.

    With --cause the argument is an integration: `accord retry --cause refused incidents`.
    """
    if cause is not None:
        _retry_cause(cause, named or integration, dry_run=dry_run, yes=yes, by=by, as_json=as_json)
        return
    if dry_run or yes:
        raise typer.BadParameter("--dry-run and --yes go with --cause")
    _tell(
        (named, integration, everything),
        lambda desk, key: desk.tell(key, "retry", by=by),
        lambda desk, name: desk.retry_all(name, by=by),
        as_json=as_json,
    )


def sync(
    named: MaybeNamed = None,
    *,
    integration: Integration = None,
    everything: Everything = False,
    by: By,
    as_json: AsJson = False,
) -> None:
    """Look at both sides now."""
    _tell(
        (named, integration, everything),
        lambda desk, key: desk.sync(key, by=by),
        lambda desk, name: desk.sync_all(name, by=by),
        as_json=as_json,
    )


def unlink(
    named: Named,
    *,
    reason: Reason = "",
    by: By,
    as_json: AsJson = False,
) -> None:
    """End a link; both records stay as they are."""
    told = with_operations(lambda ops: ops.controls.tell(named, "unlink", by=by, reason=reason))
    give(told, as_json=as_json, show=_show_told)


def renew(
    named: Named,
    *,
    by: By,
    as_json: AsJson = False,
) -> None:
    """Start a fresh run of a pair's workflow, for example after a history was damaged."""
    give(
        with_operations(lambda ops: ops.controls.tell(named, "renew", by=by)),
        as_json=as_json,
        show=_show_told,
    )


def link(
    integration: Annotated[str, typer.Argument(help="The integration's name.")],
    key_a: Annotated[str | None, typer.Argument(help="Key or id of the record on its first side.")] = None,
    key_b: Annotated[str | None, typer.Argument(help="Key or id of the record on its second side.")] = None,
    *,
    csv: Annotated[Path | None, typer.Option(help="Many links: a file with the columns a and b.")] = None,
    dry_run: DryRun = False,
    skip_bad: Annotated[bool, typer.Option("--skip-bad", help="Link the good lines of a bad file.")] = False,
    by: By,
    as_json: AsJson = False,
) -> None:
    """Link two records, or all that a file names; where they differ, `on_link` decides."""
    from domain.sides import Pair

    if csv is not None and key_a is None:
        taken = _take(integration, csv, dry_run=dry_run, skip_bad=skip_bad, by=by)
        give(taken, as_json=as_json, show=_show_taken)
        raise typer.Exit(1 if taken.bad else 0)
    if csv is not None or dry_run or skip_bad or key_a is None or key_b is None:
        raise typer.BadParameter(
            "name two records by their keys, or a file by --csv (with --dry-run, --skip-bad)"
        )
    keys = Pair(key_a, key_b)
    linked = with_operations(lambda ops: ops.links.link(integration, keys, by=by))
    give(linked, as_json=as_json, show=_show_linked)


def _take(integration: str, file: Path, *, dry_run: bool, skip_bad: bool, by: str) -> LinksTaken:
    """Take a file's links over, and show how far it is; on stderr, so that the output stays a program's."""
    from rich.console import Console
    from rich.progress import Progress

    with Progress(console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task(file.name, total=None)

        def tell(line: int) -> None:
            progress.update(task, completed=line, description=f"{file.name}: line {line}")

        return with_operations(
            lambda ops: ops.link_files.take(
                integration, file, by=by, dry_run=dry_run, skip_bad=skip_bad, tell=tell
            )
        )


def _show_taken(out: Console, taken: LinksTaken) -> None:
    for one in taken.problems:
        out.print(f"line {one.line}: {literal(one.a)} {literal(one.b)}: {literal(one.reason)}")
    done = f"{taken.linked} linked" if taken.linked else f"{taken.wanted} would be linked"
    out.print(f"{done}, {taken.already} were linked already, {taken.bad} can't be linked")
    if taken.bad and not taken.linked:
        out.print("nothing was linked; mend the file, or say --skip-bad")


def _refuse_more(named: str | None, integration: str | None, *, everything: bool) -> None:
    if named is not None or integration is not None or everything:
        raise typer.BadParameter("--connection goes without KEY, --integration and --all")


def _tell(
    target: tuple[str | None, str | None, bool],
    one: Callable[[ControlDesk, str], Awaitable[Told]],
    many: Callable[[ControlDesk, str | None], Awaitable[Told]],
    *,
    as_json: bool,
) -> None:
    named, integration, everything = target
    if sum([named is not None, integration is not None, everything]) != 1:
        raise typer.BadParameter("name one pair by KEY, or say --integration NAME, or --all")
    told = with_operations(
        lambda ops: one(ops.controls, named) if named is not None else many(ops.controls, integration)
    )
    give(told, as_json=as_json, show=_show_told)


def _retry_cause(
    cause: str, integration: str | None, *, dry_run: bool, yes: bool, by: str, as_json: bool
) -> None:
    """Say how many, ask, tell them."""
    found = with_operations(lambda ops: ops.retrying.preview(cause, integration))
    if dry_run or not found.causes:
        give(found, as_json=as_json, show=_show_stopped)
        return
    if not yes:
        _show_stopped(console(), found)
        also = f" and match {found.records} records anew" if found.records else ""
        typer.confirm(f"Have {found.pairs} pairs look again{also}?", abort=True, err=True)
    told = with_operations(lambda ops: ops.retrying.retry(cause, integration, by=by))
    give(told, as_json=as_json, show=_show_told)


def _show_stopped(out: Console, found: StoppedShown) -> None:
    if not found.causes:
        out.print("nothing stands still for that cause")
        return
    shown = table("integration", "cause", "pairs", "unlinked records", "most frequent reasons")
    for one in found.causes:
        reasons = "\n".join(literal(reason) for reason in one.reasons)
        shown.add_row(literal(one.integration), one.cause, str(one.pairs), str(one.records), reasons)
    out.print(shown)


def _show_told(out: Console, told: Told) -> None:
    out.print(literal(told.message))


def _show_linked(out: Console, linked: Linked) -> None:
    what = "[green]linked[/]" if linked.created else "linked already"
    out.print(f"{literal(linked.pair.title)} {what}: pair {linked.pair.id}")
    out.print(f"  accord show {linked.pair.id}")
