"""`accord lab run FILE`: every case of a scenario file, against the pure function or against the real product."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import Progress

from lab.scenarios.corpus import Case, Corpus, CorpusError, read_corpus
from lab.scenarios.report import as_json, as_table
from lab.scenarios.results import CaseResult

CORPUS = Path(__file__).with_name("scenarios.yaml")


def run(
    file: Annotated[Path, typer.Argument(help="A file in the format of scenarios.yaml.")] = CORPUS,
    *,
    case: Annotated[list[str] | None, typer.Option(help="Only these cases; repeat it.")] = None,
    core: Annotated[bool, typer.Option("--core", help="Against the pure function alone.")] = False,
    live: Annotated[
        bool, typer.Option("--live", help="Against worker, gateway and systems (default).")
    ] = False,
    pace: Annotated[
        float | None, typer.Option(min=0.01, help="How fast outages pass; 1: by the clock on the wall.")
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="For programs.")] = False,
) -> None:
    """Run scenarios and show where one ends otherwise than it expects.

    Exit code 1 if a case ends otherwise, is malformed, or was asked for by --case and can't be run.
    """
    if core and live:
        raise typer.BadParameter("say --core or --live, not both")
    corpus, chosen = _chosen(file, case or [])
    if pace is not None:
        chosen = [_paced(one, pace) for one in chosen]
    results = asyncio.run(_run(chosen, core=core, quiet=json))
    if json:
        typer.echo(as_json(results, corpus.malformed))
    else:
        as_table(Console(), results, corpus.malformed)
    raise typer.Exit(_exit_code(results, corpus, asked_for=bool(case)))


def _chosen(file: Path, ids: Sequence[str]) -> tuple[Corpus, list[Case]]:
    try:
        corpus = read_corpus(file)
    except (CorpusError, OSError) as error:
        raise typer.BadParameter(str(error)) from error
    unknown = sorted(set(ids) - {one.id for one in corpus.cases})
    if unknown:
        raise typer.BadParameter(f"{file} has no case {', '.join(unknown)}")
    return corpus, [one for one in corpus.cases if not ids or one.id in ids]


def _paced(case: Case, pace: float) -> Case:
    """The case, its outages at another pace, if it has one."""
    if case.given.pace is None:
        return case
    return case.model_copy(update={"given": case.given.model_copy(update={"pace": pace})})


async def _run(cases: Sequence[Case], *, core: bool, quiet: bool) -> list[CaseResult]:
    """The results in the order of the file."""
    with tempfile.TemporaryDirectory(prefix="accord-lab-") as directory:
        results = [
            one async for one in _shown(_runner(cases, Path(directory), core=core), len(cases), quiet=quiet)
        ]
    order = [one.id for one in cases]
    return sorted(results, key=lambda result: order.index(result.id))


def _runner(cases: Sequence[Case], directory: Path, *, core: bool) -> AsyncIterator[CaseResult]:
    """Imported when needed: the pure runner doesn't wait for Temporal's and PostgreSQL's clients to load."""
    if core:
        from lab.scenarios.core import run_in_core  # noqa: PLC0415 - see above

        return run_in_core(cases)
    from lab.scenarios.live.running import run_live  # noqa: PLC0415 - see above

    return run_live(cases, directory)


async def _shown(results: AsyncIterator[CaseResult], total: int, *, quiet: bool) -> AsyncIterator[CaseResult]:
    """Pass the results on and show how far it is; on stderr, so that the output stays a program's."""
    with Progress(console=Console(stderr=True), transient=True, disable=quiet) as progress:
        task = progress.add_task("starting", total=total)
        async for result in results:
            progress.update(task, advance=1, description=f"{result.id} {result.result}")
            yield result


def _exit_code(results: Sequence[CaseResult], corpus: Corpus, *, asked_for: bool) -> int:
    bad = {"failed", "not run"} if asked_for else {"failed"}
    return int(any(result.result in bad for result in results) or bool(corpus.malformed))
