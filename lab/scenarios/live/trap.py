"""A listener at an address that Accord has no business with: whoever connects is noted."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field


@dataclass(slots=True)
class Trap:
    """Listens on a free port of this machine from the first `set` to `close`."""

    caught: list[bytes] = field(default_factory=list)
    """The first bytes of whoever came."""
    _server: asyncio.Server | None = None

    async def set(self) -> str:
        """Listen; the address."""
        if self._server is None:
            self._server = await asyncio.start_server(self._take, "127.0.0.1", 0)
        return f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"

    async def close(self) -> None:
        if self._server is not None:
            self._server.close()
            self._server = None

    async def _take(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        number = len(self.caught)
        self.caught.append(b"")
        self.caught[number] = await reader.read(1000)
        writer.close()
