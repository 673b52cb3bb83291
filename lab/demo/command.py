"""`accord demo`: six scenarios live, on simulated systems."""

from __future__ import annotations

import asyncio
from typing import Annotated

import typer

from lab.demo.chaos import Victim

app = typer.Typer()


@app.callback(invoke_without_command=True)
def demo(
    *,
    once: Annotated[bool, typer.Option("--once", help="Decide the open review too, and end.")] = False,
    fresh: Annotated[bool, typer.Option("--fresh", help="Play it all again, with new records.")] = False,
    kill: Annotated[
        list[Victim] | None, typer.Option(help="Kill this process in the middle of each conflict; repeat it.")
    ] = None,
    chaos: Annotated[bool, typer.Option("--chaos", help="Kill all of them.")] = False,
) -> None:
    """Play six scenarios, live, on simulated ServiceNow, Jira and PagerDuty; leave one review for you.

    What was played before isn't played again. Exit code 1 if a scenario ends otherwise than it should.
    """
    from lab.demo.show import run_demo  # noqa: PLC0415 - `accord --help` doesn't wait for the product's clients

    victims = list(Victim) if chaos else kill or []
    raise typer.Exit(asyncio.run(run_demo(once=once, fresh=fresh, victims=victims)))
