"""How a verb gets at the operations: find the running stack, open it, do one thing, close it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from getpass import getuser
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer

if TYPE_CHECKING:
    from gateway.operations import Operations
    from integrations.settings import Settings

T = TypeVar("T")

Named = Annotated[
    str, typer.Argument(metavar="KEY", help="A ticket's key, or a pair's id (its beginning is enough).")
]
AsJson = Annotated[bool, typer.Option("--json", help="For programs.")]
By = Annotated[
    str, typer.Option(default_factory=getuser, show_default="you", help="Who asks; kept on record.")
]
Reason = Annotated[str, typer.Option(help="Why; kept on record.")]
Integration = Annotated[str | None, typer.Option("--integration", "-i", help="One integration.")]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Don't ask.")]
Limit = Annotated[int, typer.Option(min=1, max=10_000, help="Lines at most.")]


def with_operations(work: Callable[[Operations], Awaitable[T]]) -> T:
    """Run one piece of work on the stack that the environment or `var/stack.json` names.

    Raises:
        ConfigError: None is known, or a setting is wrong.
    """
    return asyncio.run(_with_operations(work))


async def _with_operations(work: Callable[[Operations], Awaitable[T]]) -> T:
    from gateway.assembly import assembled
    from gateway.operations import Operations

    async with assembled(current_settings(), pool_size=4) as accord:
        await accord.database.check()
        return await work(Operations(accord))


def current_settings() -> Settings:
    """The environment's settings, completed by what the running stack wrote down."""
    from gateway.stack_file import located
    from integrations.settings import read_settings

    return located(read_settings())
