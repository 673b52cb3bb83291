"""A program that owns a stack until it is killed, in the place of `accord up`: run_stack.py VAR [--throwaway]."""

import asyncio
import json
import sys
from pathlib import Path

from embedded.child import Child
from embedded.settings import EmbeddedSettings
from embedded.stack import EmbeddedStack

WORKER = Child(name="worker", argv=("/bin/sh", "-c", "sleep 1000 & wait"))
"""With a process of its own, which has to go as well."""


async def main(var: Path) -> None:
    settings = EmbeddedSettings(
        var=var, temporal_port=0, temporal_ui_port=None, throwaway="--throwaway" in sys.argv
    )
    async with EmbeddedStack(settings) as stack:
        await stack.add(WORKER)
        facts = {"database": stack.database_url, "temporal": stack.temporal_address}
        sys.stdout.write(json.dumps(facts) + "\n")
        sys.stdout.flush()
        await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1])))
