from __future__ import annotations

from typing import Any

import httpx
import pytest

from connectors.http import open_http
from connectors.servicenow.dialect import DIALECT
from connectors.servicenow.dictionary import Dictionary
from connectors.servicenow.table_api import TableApi
from connectors.settings import HttpSettings
from domain.errors import ConfigError

Tables = dict[str, list[dict[str, Any]]]


def dictionary(tables: Tables) -> tuple[Dictionary, list[str]]:
    """Of an instance with these tables; any other is closed to the account. Also: the tables asked for."""
    asked: list[str] = []

    def answer(request: httpx.Request) -> httpx.Response:
        table = request.url.path.rpartition("/")[2]
        asked.append(table)
        if table not in tables:
            return httpx.Response(403, json={"error": {"message": "Operation against file was aborted"}})
        return httpx.Response(200, json={"result": tables[table]})

    settings = HttpSettings(url="https://x.test")
    http = open_http(DIALECT, settings, transport=httpx.MockTransport(answer))
    return Dictionary(TableApi(http)), asked


async def test_columns_are_asked_for_once() -> None:
    known, asked = dictionary({"sys_dictionary": [{"element": "state", "internal_type": "integer"}]})
    assert (await known.columns("incident"))["state"] == "integer"
    assert "sys_id" in await known.columns("incident")
    assert asked == ["sys_dictionary"]


@pytest.mark.parametrize("closed", [{}, {"sys_dictionary": []}])
async def test_an_account_without_the_dictionary_learns_from_a_row(closed: Tables) -> None:
    known, _ = dictionary(closed | {"incident": [{"sys_id": "1", "state": "2", "work_notes": ""}]})
    columns = await known.columns("incident")
    assert columns["work_notes"] == "journal_input"
    assert "state" in columns


async def test_an_account_that_sees_nothing_is_told_what_it_needs() -> None:
    known, _ = dictionary({"incident": []})
    with pytest.raises(ConfigError, match="read access to sys_dictionary"):
        await known.columns("incident")


async def test_a_tables_own_choices_replace_its_parents() -> None:
    rows = [
        {"name": "task", "element": "state", "value": "9"},
        {"name": "incident", "element": "state", "value": "1"},
        {"name": "incident", "element": "state", "value": "1"},
    ]
    known, _ = dictionary({"sys_choice": rows})
    assert await known.choices("incident", "state") == ["1"]
    assert await known.choices("problem", "state") == ["9"]


async def test_choices_that_may_not_be_seen_bind_nobody() -> None:
    known, _ = dictionary({})
    assert await known.choices("incident", "state") is None
