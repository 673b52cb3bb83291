"""`accord`: the command line. Verbs by subject in `commands/`; other packages join by the entry points `accord.commands`.

Exit codes: 0 done · 1 refused, failed or not as expected · 2 there would be changes (`plan`), or wrong usage ·
3 something doesn't answer now, try again · 130 interrupted.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from importlib.metadata import EntryPoint, entry_points

import typer

from gateway.commands import (
    backfilling,
    connections,
    controlling,
    declaring,
    duplicates,
    matching,
    pairs,
    parity,
    rates,
    reviewing,
    running,
    webhooks,
)

GROUP = "accord.commands"
DONE, FAILED, UNREACHABLE = 0, 1, 3

PANELS = {
    "Run": (running.up,),
    "Declare": (declaring.check, declaring.ownership, declaring.rehearse, declaring.plan, declaring.apply),
    "Look": (
        pairs.pairs,
        pairs.show,
        pairs.history,
        pairs.conflicts,
        parity.parity,
        rates.rates,
        pairs.alerts,
        connections.connections,
    ),
    "Decide": (reviewing.reviews, reviewing.approve, reviewing.override),
    "Act": (
        backfilling.backfill,
        matching.candidates,
        duplicates.duplicates,
        controlling.link,
        controlling.unlink,
        controlling.sync,
        parity.sweep,
        controlling.pause,
        controlling.resume,
        controlling.retry,
    ),
}


def build(verb: str | None = None) -> typer.Typer:
    """The command line. What other packages offer is loaded only where `verb` isn't one of ours."""
    app = typer.Typer(
        no_args_is_help=True,
        pretty_exceptions_enable=False,
        rich_markup_mode="rich",
        help="Keeps linked records in two systems equal, and nobody's edit is lost.",
    )
    for panel, verbs in PANELS.items():
        for one in verbs:
            app.command(rich_help_panel=panel)(one)
    app.command(hidden=True)(controlling.renew)
    app.add_typer(webhooks.app, name="webhooks", rich_help_panel="Run")
    ours = {command.callback.__name__ for command in app.registered_commands if command.callback}
    if verb not in {*ours, "webhooks"}:
        for point in entry_points(group=GROUP):
            _join(app, point)
    return app


def _join(app: typer.Typer, point: EntryPoint) -> None:
    """Add one plug-in; a broken one is one line, and the others work."""
    try:
        joined: typer.Typer = point.load()
    except Exception as error:  # noqa: BLE001 - whatever is wrong with a plug-in, the operator's verbs must work
        typer.echo(f"accord: the command {point.name} ({point.value}) can't be loaded: {error}", err=True)
        return
    app.add_typer(joined, name=point.name, rich_help_panel="More")


def run(arguments: Sequence[str] | None = None) -> int:
    """Run one command; its exit code. Errors are one message; a traceback is only for what is a bug."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    try:
        build(next(iter(given), None))(args=given)
    except SystemExit as ended:
        return ended.code if isinstance(ended.code, int) else FAILED if ended.code else DONE
    except Exception as error:
        code = _code(error)
        if code is None:
            raise
        typer.secho(f"accord: {error}", err=True, fg="red" if sys.stderr.isatty() else None)
        return code
    return DONE


def _code(error: Exception) -> int | None:
    """The exit code of an error that people can act on; None for a bug."""
    from domain.errors import SyncError, TryAgain  # noqa: PLC0415 - pydantic costs a third of `--help`
    from embedded.errors import EmbeddedError, Unreachable  # noqa: PLC0415 - as above

    if isinstance(error, TryAgain | Unreachable):
        return UNREACHABLE
    return FAILED if isinstance(error, SyncError | EmbeddedError) else None


def main() -> None:
    """Run, and end without the interpreter's own tidying.

    The Temporal SDK's threads can crash that (exit code 134, temporalio/sdk-python#300); everything is closed by now.
    """
    code = run()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


if __name__ == "__main__":
    main()
