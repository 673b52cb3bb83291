"""`up`: the whole stack on this machine, until Ctrl-C."""

from __future__ import annotations

import asyncio
import signal
from typing import TYPE_CHECKING, Annotated

import typer

from gateway.commands.output import console

if TYPE_CHECKING:
    from embedded.errors import ChildFailed
    from gateway.stack_file import StackFile
    from integrations.settings import Settings


def up(
    workers: Annotated[int, typer.Option(min=1, max=64, help="Worker processes; one per core helps.")] = 1,
) -> None:
    """Start everything on this machine: PostgreSQL, Temporal, workers, the gateway. Ctrl-C stops it; the data stay."""
    asyncio.run(_up(workers))


async def _up(workers: int) -> None:
    from embedded.ports import choose_port
    from embedded.settings import EmbeddedSettings
    from embedded.stack import EmbeddedStack
    from gateway.assembly import read_connections
    from gateway.running import accord_on
    from integrations.settings import read_settings

    settings = read_settings()
    # A missing secret and a port in use are told now, before anything was started, and not by a child's log.
    connections = read_connections(settings)
    port = choose_port(settings.gateway_port, "ACCORD_GATEWAY_PORT")
    settings = settings.model_copy(update={"gateway_port": port})
    out, stop = console(), asked_to_stop()
    with out.status("Starting PostgreSQL and Temporal …") as status:
        stack = EmbeddedStack(EmbeddedSettings.from_environment())
        await stack.start()
        try:
            status.update("Starting workers and gateway …")
            async with accord_on(stack, settings, workers=workers) as addresses:
                status.stop()
                _tell(addresses, settings, sorted(connections))
                await _until(stop, stack.supervisor.first_failure())
                out.print("Stopping …")
        finally:
            await stack.stop()


def asked_to_stop() -> asyncio.Event:
    stop, loop = asyncio.Event(), asyncio.get_running_loop()
    for wanted in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(wanted, stop.set)
    return stop


async def _until(stop: asyncio.Event, failure: object) -> None:
    """Wait for either; a child that was given up is this command's failure.

    Raises:
        ChildFailed: Some child was given up.
    """
    from collections.abc import Coroutine

    assert isinstance(failure, Coroutine)
    failing: asyncio.Task[ChildFailed] = asyncio.create_task(failure)
    stopping = asyncio.create_task(stop.wait())
    await asyncio.wait({failing, stopping}, return_when=asyncio.FIRST_COMPLETED)
    stopping.cancel()
    if not failing.done():
        failing.cancel()
        return
    raise failing.result()


def _tell(addresses: StackFile, settings: Settings, connections: list[str]) -> None:
    out = console()
    out.print("[bold green]Accord runs.[/] Ctrl-C stops it; the data stay.")
    out.print(f"  webhooks     {addresses.gateway_url}/webhooks/CONNECTION")
    out.print(f"  API          {addresses.gateway_url}/api/docs")
    if addresses.temporal_ui_url:
        out.print(f"  Temporal UI  {addresses.temporal_ui_url}")
    if connections:
        out.print(f"  connections  {', '.join(connections)}")
    else:
        out.print(f"[yellow]No connections yet[/]: write {settings.connections_file}, then start again.")
    out.print("In another terminal: accord check FILE, accord apply FILE, accord link …, accord pairs")
