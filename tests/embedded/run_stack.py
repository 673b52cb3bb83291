"""A program that owns a stack until it is killed, in the place of `accord up`; takes `--throwaway`."""

import asyncio
import json
import signal
import sys
from dataclasses import replace

from embedded.child import Child
from embedded.settings import EmbeddedSettings
from embedded.stack import EmbeddedStack

WORKER = Child(name="worker", argv=("/bin/sh", "-c", "sleep 1000 & wait"))
"""With a process of its own, which has to go as well."""


signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background jobs inherit it as ignored


async def main() -> None:
    settings = replace(EmbeddedSettings.from_environment(), throwaway="--throwaway" in sys.argv)
    async with EmbeddedStack(settings) as stack:
        await stack.add(WORKER)
        facts = {"database": stack.database_url, "temporal": stack.temporal_address}
        sys.stdout.write(json.dumps(facts) + "\n")
        sys.stdout.flush()
        await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main())
