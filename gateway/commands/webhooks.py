"""`accord webhooks check|install|remove`: subscriptions at the systems."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from gateway.commands.output import console, give, literal
from gateway.commands.session import AsJson, current_settings

if TYPE_CHECKING:
    from rich.console import Console

    from gateway.desks.subscribing import WebhookState

app = typer.Typer(no_args_is_help=True, help="Webhook subscriptions at the systems: check, install, remove.")

Connection = Annotated[str, typer.Argument(metavar="CONNECTION", help="Its name in connections.yaml.")]
Url = Annotated[
    str | None, typer.Option("--url", help="The gateway as systems see it; ACCORD_PUBLIC_URL, if omitted.")
]
Yes = Annotated[bool, typer.Option("--yes", help="Don't ask before doing what the plan says.")]


@app.command()
def check(
    connection: Annotated[
        str | None, typer.Argument(metavar="[CONNECTION]", help="One connection; all of them, if omitted.")
    ] = None,
    *,
    url: Url = None,
    as_json: AsJson = False,
) -> None:
    """Is a subscription there, enabled, pointing here, with our events and a secret; when did the last delivery come. 1 if not."""
    states = asyncio.run(_states(connection, url))
    give(states, as_json=as_json, show=_show_states)
    if not all(state.is_well for state in states):
        raise typer.Exit(1)


@app.command()
def install(
    connection: Connection,
    *,
    url: Url = None,
    secret_file: Annotated[
        Path | None,
        typer.Option(help="New file for the secret, where the system makes one up and tells it once."),
    ] = None,
    yes: Yes = False,
) -> None:
    """Subscribe: shows the plan, asks, and carries it out. Run again, it does nothing."""
    (state,) = asyncio.run(_states(connection, url))
    _show_states(console(), [state])
    if state.by_hand:
        raise typer.Exit(1)
    if not state.steps:
        return
    if not yes:
        typer.confirm("Do it?", abort=True)
    asyncio.run(_install(state, secret_file))
    console().print(f"{connection}: done.")
    if secret_file is not None and secret_file.exists():
        console().print(
            literal(f"Its secret is in {secret_file}; add ${{file:{secret_file}}} to webhook_secrets.")
        )


@app.command()
def remove(connection: Connection, *, url: Url = None, yes: Yes = False) -> None:
    """End every subscription that points here."""
    if not yes:
        typer.confirm(f"End the subscriptions of {connection} that point here?", abort=True)
    console().print(f"{connection}: {asyncio.run(_remove(connection, url))} removed.")


async def _states(connection: str | None, url: str | None) -> list[WebhookState]:
    from connectors.registry import Connections
    from gateway.assembly import read_connections
    from gateway.desks.subscribing import webhook_state, webhook_url

    settings = current_settings()
    connections = Connections(read_connections(settings))
    names = sorted(connections.configs) if connection is None else [connection]
    try:
        found = []
        for name in names:
            connector = connections.get(name)
            address = webhook_url(url or settings.public_url, name)
            found.append(await webhook_state(connector, connections.configs[name], address))
        return await _with_last_deliveries(found)
    finally:
        await connections.aclose()


async def _with_last_deliveries(states: list[WebhookState]) -> list[WebhookState]:
    """When the last delivery of each came, where a running Accord's store is known."""
    from store import deliveries
    from store.database import Database

    settings = current_settings()
    if settings.database_url is None:
        return states
    database = Database(settings.database_url.get_secret_value(), pool_size=1)
    try:
        async with database.begin() as tx:
            last = await deliveries.last_received(tx, [state.connection for state in states])
    finally:
        await database.close()
    return [
        state.model_copy(update={"last_delivery": last[state.connection].isoformat(timespec="seconds")})
        if state.connection in last
        else state
        for state in states
    ]


async def _install(state: WebhookState, secret_file: Path | None) -> None:
    from connectors.registry import Connections
    from gateway.assembly import read_connections
    from gateway.desks.subscribing import install as carried_out

    connections = Connections(read_connections(current_settings()))
    try:
        connector = connections.get(state.connection)
        await carried_out(connector, connections.configs[state.connection], state, secret_file)
    finally:
        await connections.aclose()


async def _remove(connection: str, url: str | None) -> int:
    from connectors.registry import Connections
    from gateway.assembly import read_connections
    from gateway.desks.subscribing import remove as ended
    from gateway.desks.subscribing import webhook_url

    settings = current_settings()
    connections = Connections(read_connections(settings))
    try:
        return await ended(connections.get(connection), webhook_url(url or settings.public_url, connection))
    finally:
        await connections.aclose()


def _show_states(out: Console, states: list[WebhookState]) -> None:
    for state in states:
        mark = "[green]well[/]" if state.is_well else "[red]not well[/]"
        out.print(f"[bold]{state.connection}[/] ({state.system}) → {literal(state.url)}: {mark}")
        for line in state.wrong:
            out.print(f"  [red]wrong[/] {literal(line)}")
        for step in state.steps:
            named = f" {step.subscription}" if step.subscription else ""
            out.print(f"  [cyan]{step.act}[/]{literal(named)}: {literal(step.why)}")
        for number, line in enumerate(state.by_hand, 1):
            out.print(f"  {number}. {literal(line)}", soft_wrap=True)
        out.print(f"  last delivery: {state.last_delivery or 'none known'}")
