"""The table of docs/limits.md, from what the connectors themselves declare: `python deploy/capabilities.py [--write]`.

Each connection is opened with the least settings that it takes; nothing is sent.
"""

import argparse
import asyncio
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any, NamedTuple

from connectors.base import Capabilities
from connectors.registry import known_systems, open_connector
from integrations.connections import ConnectionConfig

DOCUMENT = Path(__file__).parents[1] / "docs" / "limits.md"
BEGIN, END = "<!-- by deploy/capabilities.py -->\n", "<!-- end -->\n"

PLACE = {"url": "https://example.test"}
DATABASE = "postgresql://user:password@example.test/records"
TABLES: dict[str, Any] = {"assets": {"updated_at": "changed_at", "marker": "correlation_id"}}


class Row(NamedTuple):
    """One line: a system, as it is set up."""

    label: str
    system: str
    settings: dict[str, Any]


ROWS = (
    Row("ServiceNow, tables audited", "servicenow", {**PLACE, "user": "u", "password": "p", "audited": True}),
    Row("ServiceNow, not audited", "servicenow", {**PLACE, "user": "u", "password": "p", "audited": False}),
    Row("Jira", "jira", {**PLACE, "token": "t"}),
    Row("PagerDuty", "pagerduty", {"token": "t", "from_email": "u@example.test"}),
    Row("PostgreSQL tables, polled", "sql", {"url": DATABASE, "tables": TABLES}),
    Row("PostgreSQL tables, log read", "sql", {"url": DATABASE, "tables": TABLES, "stream": {}}),
    Row("plain, all that its API can tell", "plain", {**PLACE, "token": "t", "capabilities": {
        "cas": True, "history": True, "returns_record": True, "field_stamps": True, "version_exact": True,
    }}),
    Row("plain, as little as possible", "plain", {**PLACE, "token": "t"}),
)  # fmt: skip

IN_PROCESS = frozenset({"memory"})
"""No system of anybody's."""

YES_NO = {
    "compare-and-set": "compare_and_set",
    "change history": "change_history",
    "own writes marked": "write_marker",
    "version exact": "version_exact",
    "counter per save": "sequence",
    "create carries marker": "creates_with_marker",
}


def undescribed() -> set[str]:
    """Systems that have a connector and no line in `ROWS`."""
    return known_systems().keys() - {row.system for row in ROWS} - IN_PROCESS


async def table() -> str:
    """Markdown: a line per system, a column per promise."""
    head = ("system", *YES_NO, "stamps", "search lags", "a deletion shows by", "at risk")
    body = [_line(_cells(row.label, await _declared(row))) for row in ROWS]
    return "".join([_line(head), _line(["---"] * len(head)), *body])


async def _declared(row: Row) -> Capabilities:
    config = ConnectionConfig(name="table", system=row.system, settings=row.settings)
    connector = open_connector(config)
    try:
        return connector.capabilities
    finally:
        await connector.aclose()


def _cells(label: str, can: Capabilities) -> Iterator[str]:
    yield label
    for name in YES_NO.values():
        yield "yes" if getattr(can, name) else "no"
    yield _span(can.granularity)
    yield _span(can.index_lag) if can.index_lag else "no"
    yield ", ".join(sorted(can.deletes)) or "nothing"
    yield "**every field**" if can.at_risk else _at_risk(can)


def _at_risk(can: Capabilities) -> str:
    return ", ".join(sorted(can.unlogged)) if can.unlogged and not can.compare_and_set else "no"


def _span(span: timedelta) -> str:
    return f"{span.total_seconds():g} s"


def _line(cells: Any) -> str:
    return f"| {' | '.join(cells)} |\n"


def put_in(document: str, made: str) -> str:
    """The document with the table in its place."""
    before, rest = document.split(BEGIN)
    return f"{before}{BEGIN}\n{made}\n{END}{rest.split(END)[1]}"


def main() -> None:
    parser = argparse.ArgumentParser(description="What each connector can promise.")
    parser.add_argument("--write", action="store_true", help="put the table into docs/limits.md")
    made = asyncio.run(table())
    if parser.parse_args().write:
        DOCUMENT.write_text(put_in(DOCUMENT.read_text(), made))
    else:
        print(made, end="")


if __name__ == "__main__":
    main()
