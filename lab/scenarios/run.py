"""Run a corpus: `python -m lab.scenarios.run --core [FILE] [--only S001]`.

Exit code 1 if a case ends otherwise than it expects or could not be read.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from lab.scenarios.comparison import compare
from lab.scenarios.corpus import Case, read_corpus
from lab.scenarios.oracle import NeverRests, run_core
from lab.scenarios.simulation import NotForTheCore

CORPUS = Path(__file__).with_name("scenarios.yaml")


def main(
    file: Annotated[Path, typer.Argument(help="a corpus in the format of scenarios.yaml")] = CORPUS,
    *,
    core: Annotated[bool, typer.Option("--core", help="against the pure function alone")] = False,
    only: Annotated[list[str] | None, typer.Option(help="ids of cases")] = None,
) -> None:
    """Run every case of the file that the pure function can run, and say what differs."""
    if not core:
        raise typer.BadParameter("say --core: the pure function is the only runner of this command")
    console = Console(highlight=False, soft_wrap=True)
    corpus = read_corpus(file)
    wanted = [case for case in corpus.cases if not only or case.id in only]
    results = [(case, verdict_on(case)) for case in wanted]
    for case, said in results:
        console.print(f"{case.id} {said[0]}", *said[1:], sep="\n    ", markup=False)
    for problem in corpus.malformed:
        console.print(f"malformed: {problem}", markup=False)
    failed = [case.id for case, said in results if said[0] == FAILED]
    skipped = sum(said[0].startswith(SKIPPED) for _, said in results)
    console.print(f"{len(results) - skipped - len(failed)} passed, {len(failed)} failed, {skipped} {SKIPPED}")
    raise typer.Exit(bool(failed or corpus.malformed))


PASSED, FAILED, SKIPPED = "passed", "FAILED", "not for the core"


def verdict_on(case: Case) -> list[str]:
    """`passed`, `FAILED` with every difference, or why the core can't run it."""
    try:
        differences = compare(case, run_core(case))
    except NotForTheCore as reason:
        return [f"{SKIPPED}: {reason}"]
    except NeverRests as error:
        return [FAILED, str(error)]
    return [FAILED, *map(str, differences)] if differences else [PASSED]


if __name__ == "__main__":
    typer.run(main)
