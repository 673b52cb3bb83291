"""Results for people, as a table with the differences below each case, and for programs, as JSON."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Sequence

from rich.console import Console
from rich.table import Table
from rich.text import Text

from lab.scenarios.results import CaseResult

COLOURS = {"passed": "green", "failed": "bold red", "not run": "yellow"}


def as_table(console: Console, results: Sequence[CaseResult], malformed: Sequence[str]) -> None:
    """Print all results, what differs, what is malformed, and the count."""
    table = Table("case", "title", "result", "seconds")
    for result in results:
        shown = Text(result.result, COLOURS[result.result])
        table.add_row(result.id, _told(result), shown, f"{result.seconds:.1f}" if result.seconds else "")
    console.print(table)
    for problem in malformed:
        console.print(f"malformed: {problem}", style="bold red", markup=False)
    console.print(summary(results, malformed))


def as_json(results: Sequence[CaseResult], malformed: Sequence[str]) -> str:
    found = [result.model_dump() for result in results]
    return json.dumps({"results": found, "malformed": list(malformed)}, indent=2, ensure_ascii=False)


def summary(results: Sequence[CaseResult], malformed: Sequence[str]) -> str:
    """`61 passed, 1 failed, 20 not run`."""
    counted = Counter[str](result.result for result in results)
    parts = [f"{counted[result]} {result}" for result in COLOURS if counted[result]]
    return ", ".join([*parts, *([f"{len(malformed)} malformed"] if malformed else [])]) or "no cases"


def _told(result: CaseResult) -> Text:
    """The title, and below it what a reader must know."""
    return Text("\n").join([Text(result.title), *_remarks(result)])


def _remarks(result: CaseResult) -> Iterator[Text]:
    for difference in result.differences:
        yield Text(difference, "red")
    for figure in result.figures:
        yield Text(figure, "dim")
    if result.reason:
        yield Text(f"not run: {result.reason}", "yellow")
