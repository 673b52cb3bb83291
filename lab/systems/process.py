"""A simulated system as a child process of a test, a bench or the demo; never left behind, also when the parent is killed."""

import asyncio
import json
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlsplit

from lab.systems.control import LabControl

CHECKOUT = Path(__file__).parents[2]
STOP_SECONDS = 5


@dataclass(frozen=True, slots=True)
class Tls:
    """PEM files: key and certificate of 127.0.0.1, and the authority that signed it."""

    certificate: Path
    authority: Path


@dataclass(slots=True)
class LabSystem:
    """A handle on a running system. `restart` keeps port and state, so that its address stays what others know."""

    kind: str
    name: str
    state_dir: Path
    options: Mapping[str, Any]
    url: str
    control: LabControl
    _process: asyncio.subprocess.Process
    _tls: Tls | None = None

    @classmethod
    async def start(
        cls,
        kind: str,
        name: str,
        state_dir: Path,
        options: Mapping[str, Any] | None = None,
        *,
        port: int = 0,
        tls: Tls | None = None,
    ) -> Self:
        """Start a system and wait until it listens.

        Args:
            kind: `plain`, `servicenow`, …
            name: Names its state file and its log.
            state_dir: Where both are; made if missing.
            options: Settings at the start.
            port: On 127.0.0.1; 0 takes a free one.
            tls: Serve https, for clients that refuse plain http.

        Raises:
            RuntimeError: It ended before it listened; the message ends with its log.
        """
        process, url = await _launch(kind, name, state_dir, options or {}, port, tls=tls)
        control = LabControl(url, tls.authority if tls else None)
        return cls(kind, name, state_dir, options or {}, url, control, process, tls)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop()

    @property
    def pid(self) -> int:
        return self._process.pid

    async def stop(self) -> None:
        """End it in good order, by force after five seconds."""
        await self.control.close()
        if self._process.returncode is None:
            self._process.terminate()
        try:
            await asyncio.wait_for(self._process.wait(), STOP_SECONDS)
        except TimeoutError:
            await self.kill()

    async def kill(self) -> None:
        """SIGKILL: what a crash does."""
        if self._process.returncode is None:
            self._process.kill()
        await self._process.wait()

    async def restart(self) -> None:
        """Start it again at the same address with the same state; kills it first if it still runs."""
        await self.kill()
        port = urlsplit(self.url).port or 0
        self._process, _ = await _launch(
            self.kind, self.name, self.state_dir, self.options, port, tls=self._tls
        )


async def _launch(
    kind: str, name: str, state_dir: Path, options: Mapping[str, Any], port: int, *, tls: Tls | None
) -> tuple[asyncio.subprocess.Process, str]:
    state = (state_dir / f"{name}.db").absolute()
    command = [sys.executable, "-m", "lab.systems.run", kind, "--name", name, "--port", str(port)]
    command += ["--state", str(state), "--die-with-parent"]
    if tls:
        command += ["--certificate", str(tls.certificate.absolute())]
    for key, value in options.items():
        command += ["--option", f"{key}={json.dumps(value)}"]
    state.parent.mkdir(parents=True, exist_ok=True)
    log = state_dir / f"{name}.log"
    with log.open("ab") as errors:
        process = await asyncio.create_subprocess_exec(
            *command,
            cwd=CHECKOUT,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=errors,
        )
    assert process.stdout is not None
    line = await process.stdout.readline()
    if not line:
        await process.wait()
        raise RuntimeError(f"{kind} {name} did not start:\n{log.read_text()[-2000:]}")
    url: str = json.loads(line)["url"]
    return process, url
