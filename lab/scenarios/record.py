"""`accord lab record`: a pair's life on the real product, kept as histories that later code must still replay."""

from __future__ import annotations

import asyncio
import json
import re
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from lab.scenarios.corpus import read_corpus
from lab.scenarios.results import CaseResult

if TYPE_CHECKING:
    from lab.scenarios.live.recording import Recording

LIFE = Path(__file__).with_name("life.yaml")
KEPT = Path("tests/workflows/replay")


def record(
    name: Annotated[str, typer.Argument(help="Names the files, by what is new in this version of the code.")],
    *,
    into: Annotated[Path, typer.Option(help="Where the histories are kept.")] = KEPT,
    file: Annotated[Path, typer.Option(help="A scenario file; its first case is played.")] = LIFE,
) -> None:
    """Play a pair's life and keep the histories of its workflows for the replay test.

    Exit code 1, and nothing is kept, if the life ends otherwise than it should.
    """
    if not re.fullmatch(r"[a-z0-9-]+", name):
        raise typer.BadParameter("small letters, digits and hyphens name the files")
    result, recordings = asyncio.run(_played(file))
    if result.result != "passed":
        typer.echo("\n".join([f"{result.id} {result.result}", *result.differences]), err=True)
        raise typer.Exit(1)
    into.mkdir(parents=True, exist_ok=True)
    for number, recording in enumerate(recordings, 1):
        typer.echo(_kept(recording, into / f"{name}-{number}.json"))


async def _played(file: Path) -> tuple[CaseResult, list[Recording]]:
    """Imported when needed, as in `accord lab run`."""
    from lab.scenarios.live.running import record_life  # noqa: PLC0415 - see above

    with tempfile.TemporaryDirectory(prefix="accord-lab-") as directory:
        return await record_life(read_corpus(file).cases[0], Path(directory))


def _kept(recording: Recording, path: Path) -> str:
    """Write one history; a line that says what it is of."""
    document = {"workflow_id": recording.workflow_id, "history": recording.history}
    path.write_text(json.dumps(document, indent=1) + "\n")
    return f"{path}: {recording.workflow_id}, {len(recording.history['events'])} events"
