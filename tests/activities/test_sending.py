"""One step's fields: a refused one is isolated, a unit goes whole or not at all."""

from collections.abc import Mapping
from typing import Any

import pytest
from pydantic import JsonValue

from activities.sending import Sent, advanced, send
from connectors.base import WriteResult
from connectors.memory.connector import MemoryConnector
from connectors.memory.settings import MemorySettings
from connectors.memory.system import MemorySystem
from domain.errors import RecordRejected, StaleVersion
from domain.records import RecordRef, Snapshot

UNITS = {"title": "title", "impact": "severity", "urgency": "severity", "notes": "notes"}
NEW: dict[str, JsonValue] = {"title": "new", "impact": "1", "urgency": "1", "notes": "new"}


class Picky(MemoryConnector):
    """Refuses fields, by name or in silence, and keeps the requests it got."""

    def __init__(self, *culprits: str, names_them: bool) -> None:
        super().__init__("right", MemorySystem(), MemorySettings())
        self.state.create("ticket", dict.fromkeys(NEW, "old"))
        self.culprits, self.names_them = set(culprits), names_them
        self.requests: list[set[str]] = []

    async def update(
        self, expected: Snapshot, fields: Mapping[str, JsonValue], *, marker: str
    ) -> WriteResult:
        self.requests.append(set(fields))
        culprits = self.culprits & fields.keys()
        if culprits:
            raise RecordRejected("400", fields=dict.fromkeys(culprits, "no") if self.names_them else {})
        return await super().update(expected, fields, marker=marker)


async def sent_by(connector: Picky, fields: dict[str, JsonValue] = NEW) -> Sent:
    target = await connector.read(RecordRef(connection="right", record_type="ticket", id="1"))
    return await send(connector, target, fields, UNITS, marker="pair")


async def test_what_nobody_refuses_is_one_request() -> None:
    sent = await sent_by(Picky(names_them=True))
    assert (sent.requests, sent.fields, sent.refused) == (1, NEW, {})
    assert sent.target.value("title") == "new"


async def test_a_named_culprit_is_left_out_with_its_whole_unit() -> None:
    connector = Picky("impact", names_them=True)
    sent = await sent_by(connector)
    assert sent.refused == {"severity": "no"}
    assert sent.fields == {"title": "new", "notes": "new"}
    assert len(connector.requests) == 2


async def test_a_nameless_refusal_is_split_unit_by_unit() -> None:
    connector = Picky("impact", names_them=False)
    sent = await sent_by(connector)
    assert sent.refused == {"severity": "400"}
    assert sent.fields == {"title": "new", "notes": "new"}
    assert {"impact", "urgency"} in connector.requests
    assert {"impact"} not in connector.requests


@pytest.mark.parametrize(("culprits", "names_them", "hopeless"), [
    (NEW, False, True), (NEW, True, False), (["title"], False, False),
])  # fmt: skip
async def test_only_a_refusal_of_everything_that_blames_nothing_is_hopeless(
    culprits: Any,
    names_them: bool,  # noqa: FBT001 - a case
    hopeless: bool,  # noqa: FBT001 - a case
) -> None:
    assert (await sent_by(Picky(*culprits, names_them=names_them))).is_hopeless is hopeless


async def test_each_request_expects_what_the_one_before_left() -> None:
    connector = Picky("impact", names_them=False)
    sent = await sent_by(connector)
    assert sent.requests == 2
    assert sent.target.version == str(connector.state.records["1"].version)


async def test_a_stale_target_is_passed_on() -> None:
    connector = Picky(names_them=True)
    target = await connector.read(RecordRef(connection="right", record_type="ticket", id="1"))
    connector.state.edit("1", {"notes": "theirs"})
    with pytest.raises(StaleVersion):
        await send(connector, target, NEW, UNITS, marker="pair")


def test_a_response_without_fields_advances_the_version_only() -> None:
    ref = RecordRef(connection="right", record_type="ticket", id="1")
    before = Snapshot(ref=ref, key="T-1", fields={"title": "old"}, version="1", sequence=1)
    after = advanced(before, WriteResult("2", None, sequence=2))
    assert (after.version, after.sequence, after.fields) == ("2", 2, {"title": "old"})
