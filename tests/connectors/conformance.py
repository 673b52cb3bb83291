"""The contract of `connectors/base.py` as tests. A connector is done when it passes here.

A system joins by a subclass of `Conformance` (or `HttpConformance`) that says how to start it; what a system declares
not to be able to do is skipped, and what it declares is held against it.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import ClassVar

import pytest

from connectors.base import Connector
from domain.errors import (
    ConfigError,
    CredentialsRefused,
    RateLimited,
    RecordGone,
    RecordHidden,
    RecordRejected,
    StaleVersion,
    SystemUnavailable,
)
from domain.records import ChangeNotice, Origin, RecordRef, Snapshot
from tests.connectors.harness import NEXT_SECRET, SECRET, Harness, LabHarness, eventually

LONG = "Müller — 緊急 🔥 <b>&amp;</b> ‘quoted’ \\ % \n" * 30
HOSTILE = "x^ORsys_id!=1 \" OR project = OPS OR '' = '"
"""Text that would widen a query, if a connector pasted it into one."""
PAGES = 200
"""More than any feed of these tests has: a cursor that stands still is caught here."""


def declared(connector: Connector, *capabilities: str) -> None:
    """Skip the test unless the connection claims one of these."""
    if not any(getattr(connector.capabilities, name) for name in capabilities):
        pytest.skip(f"doesn't claim {' or '.join(capabilities)}")


async def drain(
    connector: Connector, record_type: str, cursor: str | None, *, scope: str | None = None, limit: int = 100
) -> tuple[list[ChangeNotice], str | None]:
    """Read the feed from the cursor to its end; all notices and the last cursor."""
    notices: list[ChangeNotice] = []
    for _ in range(PAGES):
        page = await connector.list_changes(record_type, scope=scope, cursor=cursor, limit=limit)
        notices += page.notices
        cursor = page.cursor
        if not page.more:
            return notices, cursor
    raise AssertionError("the feed doesn't end")


class Conformance:
    """What holds for every connector."""

    running: ClassVar[Callable[[Path], AbstractAsyncContextManager[Harness]]]
    """Starts the system, given a directory for its state."""

    @pytest.fixture
    def connector(self, harness: Harness) -> Connector:
        return harness.connector

    @pytest.fixture
    async def ref(self, harness: Harness) -> RecordRef:
        return await harness.a_record()

    @pytest.fixture
    async def seen(self, connector: Connector, ref: RecordRef) -> Snapshot:
        return await connector.read(ref)

    # ------------------------------------------------------------------------------------------------- reading
    async def test_a_read_shows_what_a_person_wrote(
        self, harness: Harness, seen: Snapshot, ref: RecordRef
    ) -> None:
        assert seen.ref == ref
        assert seen.key
        assert seen.value(harness.text) == "printer on fire"
        assert seen.value(harness.other) == "room 1"

    async def test_a_record_is_found_by_what_people_call_it(
        self, harness: Harness, connector: Connector, seen: Snapshot
    ) -> None:
        found = await connector.by_key(harness.record_type, seen.key)
        assert found is not None
        assert found.ref == seen.ref
        assert await connector.by_key(harness.record_type, harness.unknown_id) is None

    async def test_equal_tokens_mean_an_unchanged_record(
        self, harness: Harness, connector: Connector, seen: Snapshot
    ) -> None:
        assert (await connector.read(seen.ref)).version == seen.version
        await harness.person_edits(seen.ref, {harness.text: "out again"})
        assert (await connector.read(seen.ref)).version != seen.version

    async def test_reading_many_leaves_out_what_cannot_be_seen(
        self, harness: Harness, connector: Connector, ref: RecordRef
    ) -> None:
        second = await harness.a_record()
        unknown = ref.model_copy(update={"id": harness.unknown_id})
        found = await connector.read_many([ref, second, unknown])
        assert set(found) == {ref.id, second.id}
        assert found[ref.id].value(harness.text) == "printer on fire"

    async def test_reading_none_asks_nothing_of_anybody(self, connector: Connector) -> None:
        assert await connector.read_many([]) == {}

    async def test_a_record_that_cannot_be_seen_is_hidden_not_gone(
        self, harness: Harness, connector: Connector, ref: RecordRef
    ) -> None:
        with pytest.raises(RecordHidden):
            await connector.read(ref.model_copy(update={"id": harness.unknown_id}))

    async def test_a_deletion_shows_as_declared(
        self, harness: Harness, connector: Connector, ref: RecordRef
    ) -> None:
        if not connector.capabilities.deletes:
            pytest.skip("the connector declares that this system deletes no records")
        await harness.person_deletes(ref)
        proves = connector.capabilities.deletes & {"flag", "status_410"}
        with pytest.raises(RecordGone if proves else (RecordGone, RecordHidden)):
            await connector.read(ref)

    # ------------------------------------------------------------------------------------------------- finding
    async def test_records_are_found_by_equal_fields(self, harness: Harness, connector: Connector) -> None:
        ref = await harness.a_record(**{harness.text: "found by these words"})
        await harness.a_record(**{harness.text: "not these"})

        async def found() -> bool:
            hits = await connector.find(harness.record_type, {harness.text: "found by these words"})
            return [hit.ref for hit in hits] == [ref]

        assert await eventually(found)

    async def test_a_value_cannot_widen_the_query(self, harness: Harness, connector: Connector) -> None:
        await harness.a_record()
        assert await connector.find(harness.record_type, {harness.text: HOSTILE}) == []

    # ------------------------------------------------------------------------------------------------- creating
    async def test_a_created_record_is_found_by_its_marker(
        self, harness: Harness, connector: Connector
    ) -> None:
        fields = {**harness.needed, harness.text: "new", harness.other: "room 2"}
        created = await connector.create(harness.record_type, fields, marker="link-4711")
        assert (await connector.read(created.ref)).value(harness.text) == "new"

        async def found() -> bool:
            hits = await connector.find_marked(harness.record_type, "link-4711")
            return [hit.ref for hit in hits] == [created.ref]

        assert await eventually(found)
        assert await connector.find_marked(harness.record_type, "link-471") == []

    async def test_a_marker_can_be_written_later(
        self, harness: Harness, connector: Connector, ref: RecordRef
    ) -> None:
        declared(connector, "creates_with_marker")
        await connector.set_marker(ref, f"later-{ref.id}")

        async def found() -> bool:
            hits = await connector.find_marked(harness.record_type, f"later-{ref.id}")
            return [hit.ref for hit in hits] == [ref]

        assert await eventually(found)

    # ------------------------------------------------------------------------------------------------- updating
    async def test_an_update_touches_nothing_else(
        self, harness: Harness, connector: Connector, seen: Snapshot
    ) -> None:
        await connector.update(seen, {harness.text: "repaired"}, marker="w1")
        after = await connector.read(seen.ref)
        assert after.value(harness.text) == "repaired"
        assert after.value(harness.other) == "room 1"

    async def test_a_response_tells_what_the_write_left(
        self, harness: Harness, connector: Connector, seen: Snapshot
    ) -> None:
        result = await connector.update(seen, {harness.text: "repaired"}, marker="w2")
        after = await connector.read(seen.ref)
        if result.fields is not None:
            assert result.fields[harness.text] == "repaired"
        if connector.capabilities.version_exact:
            assert result.version == after.version
        if connector.capabilities.sequence:
            assert seen.sequence is not None
            assert result.sequence == seen.sequence + 1
        assert result.by_us is not False

    async def test_a_write_of_what_a_person_has_just_saved_is_not_told_as_ours(
        self, harness: Harness, connector: Connector, seen: Snapshot
    ) -> None:
        await harness.gets_in_between(seen.ref, {harness.text: "repaired"})
        if connector.capabilities.compare_and_set:
            with pytest.raises(StaleVersion):
                await connector.update(seen, {harness.text: "repaired"}, marker="w8")
            return
        result = await connector.update(seen, {harness.text: "repaired"}, marker="w8")
        assert not result.by_us

    async def test_a_write_past_a_persons_edit_is_refused_or_shows(
        self, harness: Harness, connector: Connector, seen: Snapshot
    ) -> None:
        declared(connector, "compare_and_set", "sequence", "change_history")
        await harness.gets_in_between(seen.ref, {harness.other: "room 9"})
        if connector.capabilities.compare_and_set:
            with pytest.raises(StaleVersion):
                await connector.update(seen, {harness.text: "repaired"}, marker="w3")
            assert (await connector.read(seen.ref)).value(harness.text) == "printer on fire"
            return
        result = await connector.update(seen, {harness.text: "repaired"}, marker="w3")
        if connector.capabilities.sequence:
            assert result.sequence is not None
            assert seen.sequence is not None
            assert result.sequence > seen.sequence + 1
        if connector.capabilities.change_history:
            foreign = [
                e.field for e in await connector.history(seen.ref, seen) if e.origin is not Origin.ACCORD
            ]
            assert harness.other in foreign

    async def test_a_later_edit_is_never_told_as_our_writes_result(
        self, harness: Harness, connector: Connector, seen: Snapshot
    ) -> None:
        result = await connector.update(seen, {harness.text: "ours"}, marker="w4")
        await harness.person_edits(seen.ref, {harness.text: "theirs"})
        assert (await connector.read(seen.ref)).version != result.version

    async def test_none_clears_and_reads_back_as_none(
        self, harness: Harness, connector: Connector, seen: Snapshot
    ) -> None:
        await connector.update(seen, {harness.other: None}, marker="w5")
        assert (await connector.read(seen.ref)).value(harness.other) is None

    async def test_any_script_and_length_survives(
        self, harness: Harness, connector: Connector, seen: Snapshot
    ) -> None:
        await connector.update(seen, {harness.text: LONG}, marker="w6")
        assert (await connector.read(seen.ref)).value(harness.text) == LONG

    async def test_the_closed_list_is_told(
        self, harness: Harness, connector: Connector, ref: RecordRef
    ) -> None:
        if harness.choice is None:
            pytest.skip("this system's harness has no field whose values are a closed list")
        allowed = await connector.allowed_values(ref, harness.choice)
        assert allowed is not None
        assert set(harness.choices) <= set(map(str, allowed))

    async def test_a_value_outside_the_list_is_refused_by_its_fields_name(
        self, harness: Harness, connector: Connector, seen: Snapshot
    ) -> None:
        if harness.choice is None or not harness.names_culprits:
            pytest.skip("this system refuses no value, or its refusals name no field")
        with pytest.raises(RecordRejected) as refused:
            await connector.update(seen, {harness.choice: harness.nonsense}, marker="w7")
        assert harness.choice in refused.value.fields

    async def test_values_are_known_before_any_record_is(
        self, harness: Harness, connector: Connector
    ) -> None:
        if harness.choice is None:
            pytest.skip("this system's harness has no field whose values are a closed list")
        allowed = await connector.allowed_values(harness.record_type, harness.choice)
        assert allowed is None or set(harness.choices) <= set(map(str, allowed))

    async def test_a_free_field_takes_anything(
        self, harness: Harness, connector: Connector, ref: RecordRef
    ) -> None:
        assert await connector.allowed_values(ref, harness.text) is None

    async def test_the_schema_knows_the_fields(self, harness: Harness, connector: Connector) -> None:
        described = await connector.describe(harness.record_type, [])
        assert described.fields is None or {harness.text, harness.other} <= set(described.fields)
        assert described.allowed == {}

    async def test_the_schema_knows_the_values_of_the_listed_fields_and_of_no_others(
        self, harness: Harness, connector: Connector
    ) -> None:
        listed = [harness.text, *filter(None, [harness.choice])]
        described = await connector.describe(harness.record_type, listed)
        assert set(described.allowed) <= set(filter(None, [harness.choice]))
        for name, values in described.allowed.items():
            assert list(values) == await connector.allowed_values(harness.record_type, name)

    async def test_a_delete_removes_the_record_or_is_refused(
        self, connector: Connector, seen: Snapshot
    ) -> None:
        try:
            await connector.delete(seen)
        except RecordRejected:
            return
        with pytest.raises((RecordGone, RecordHidden)):
            await connector.read(seen.ref)

    # ------------------------------------------------------------------------------------------------- history
    async def test_history_tells_who_changed_what_in_order(
        self, harness: Harness, connector: Connector, seen: Snapshot
    ) -> None:
        declared(connector, "change_history")
        await harness.person_edits(seen.ref, {harness.text: "first"})
        await connector.update(await connector.read(seen.ref), {harness.text: "second"}, marker="w8")
        await harness.person_edits(seen.ref, {harness.text: "third"}, by="bob")
        told = [e for e in await connector.history(seen.ref, seen) if e.field == harness.text]
        assert [e.value for e in told] == ["first", "second", "third"]
        assert [e.old for e in told] == ["printer on fire", "first", "second"]
        assert all(e.by for e in told)
        if connector.capabilities.write_marker:
            assert [e.origin is Origin.ACCORD for e in told] == [False, True, False]

    async def test_history_begins_after_the_snapshot(
        self, harness: Harness, connector: Connector, ref: RecordRef
    ) -> None:
        declared(connector, "change_history")
        await harness.person_edits(ref, {harness.text: "before"})
        seen = await connector.read(ref)
        await harness.person_edits(ref, {harness.text: "after"})
        told = [e.value for e in await connector.history(ref, seen) if e.field == harness.text]
        assert told[-1:] == ["after"]
        if connector.capabilities.sequence:
            assert told == ["after"]
        whole = [e.value for e in await connector.history(ref) if e.field == harness.text]
        assert whole[-2:] == ["before", "after"]

    async def test_stamps_on_a_read_are_those_of_each_field(
        self, harness: Harness, connector: Connector, ref: RecordRef
    ) -> None:
        declared(connector, "field_stamps")
        await harness.person_edits(ref, {harness.other: "room 3"}, by="bob")
        seen = await connector.read(ref)
        assert seen.changes[harness.other].by == "bob"
        assert seen.changes[harness.other].at is not None

    # ------------------------------------------------------------------------------------------------- changes
    async def test_the_feed_repeats_at_its_edge_but_misses_nothing(
        self, harness: Harness, connector: Connector, ref: RecordRef
    ) -> None:
        cursor: str | None = None
        for round_ in range(4):  # faster than any stamp's granularity
            await harness.person_edits(ref, {harness.text: f"edit {round_}"})
            version = (await connector.read(ref)).version

            async def told(version: str = version) -> bool:
                nonlocal cursor
                notices, cursor = await drain(connector, harness.record_type, cursor)
                mine = [n for n in notices if n.ref == ref]
                return any(n.version in {None, version} for n in mine)

            assert await eventually(told)

    async def test_small_pages_reach_every_record(self, harness: Harness, connector: Connector) -> None:
        made = [await harness.a_record() for _ in range(5)]

        async def all_told() -> bool:
            notices, _ = await drain(connector, harness.record_type, None, limit=2)
            return {ref.id for ref in made} <= {n.ref.id for n in notices}

        assert await eventually(all_told)

    async def test_a_cursor_serves_its_own_query_only(self, harness: Harness, connector: Connector) -> None:
        _, cursor = await drain(connector, harness.record_type, None)
        with pytest.raises(ConfigError):
            await connector.list_changes(harness.record_type, scope=harness.other_scope, cursor=cursor)
        with pytest.raises(ConfigError):
            await connector.list_changes(harness.record_type, scope=None, cursor="nonsense")

    # ------------------------------------------------------------------------------------------------- hearing
    async def test_a_signed_delivery_names_its_record(
        self, harness: Harness, connector: Connector, ref: RecordRef
    ) -> None:
        headers, body = await harness.delivery(ref)
        now = datetime.now(UTC)
        assert connector.verify_webhook(headers, body, now=now)
        notices = connector.parse_webhook(headers, body, now=now)
        assert [notice.ref for notice in notices] == [ref]
        assert all(notice.source == "webhook" and notice.observed_at == now for notice in notices)
        assert all(notice.delivery_id for notice in notices)

    async def test_either_active_secret_signs(
        self, harness: Harness, connector: Connector, ref: RecordRef
    ) -> None:
        headers, body = await harness.delivery(ref, secret=NEXT_SECRET)
        assert connector.verify_webhook(headers, body, now=datetime.now(UTC))

    async def test_anything_but_the_signed_bytes_is_refused(
        self, harness: Harness, connector: Connector, ref: RecordRef
    ) -> None:
        headers, body = await harness.delivery(ref)
        now = datetime.now(UTC)
        cut = {name: value[:-1] for name, value in headers.items()}
        assert not connector.verify_webhook(headers, body + b" ", now=now)
        assert not connector.verify_webhook(headers, body[:-1], now=now)
        assert not connector.verify_webhook(headers, b"", now=now)
        assert not connector.verify_webhook(cut, body, now=now)
        assert not connector.verify_webhook({}, body, now=now)
        assert not connector.verify_webhook(dict.fromkeys(headers, "é�"), body, now=now)

    async def test_another_secret_is_refused(
        self, harness: Harness, connector: Connector, ref: RecordRef
    ) -> None:
        headers, body = await harness.delivery(ref, secret=SECRET + "x")
        assert not connector.verify_webhook(headers, body, now=datetime.now(UTC))

    async def test_a_body_that_is_not_the_systems_is_an_error(self, connector: Connector) -> None:
        for body in (b"", b"nonsense", b"[1, 2]", b'{"delivery_id": []}', b"\xff"):
            with pytest.raises(ValueError):  # noqa: PT011 - the contract names no narrower one
                connector.parse_webhook({}, body, now=datetime.now(UTC))

    # ---------------------------------------------------------------------------------------------- connection
    @pytest.fixture
    async def skewed(self, harness: Harness) -> AsyncIterator[timedelta]:
        skew = timedelta(seconds=-437)
        await harness.set_skew(skew)
        yield skew
        await harness.set_skew(timedelta(0))

    async def test_a_probe_measures_the_clock(self, connector: Connector, skewed: timedelta) -> None:
        reading = await connector.probe()
        assert abs(reading.offset - skewed) <= reading.uncertainty
        assert connector.clock == reading

    async def test_closing_twice_does_no_harm(self, harness: Harness) -> None:
        connector = harness.connector
        spare = harness.open() if isinstance(harness, LabHarness) else connector
        await spare.aclose()
        await spare.aclose()


class HttpConformance(Conformance):
    """What also holds for every system behind HTTP, run against its simulator."""

    @pytest.fixture(autouse=True)
    async def _healthy_afterwards(self, harness: LabHarness) -> AsyncIterator[None]:
        yield
        await harness.control.disarm()

    async def test_a_pause_is_asked_for_in_seconds(
        self, harness: LabHarness, connector: Connector, ref: RecordRef
    ) -> None:
        await harness.arm(effect="status", status=429, headers={"Retry-After": "17"}, times=1)
        with pytest.raises(RateLimited) as limited:
            await connector.read(ref)
        assert limited.value.retry_after == timedelta(seconds=17)

    @pytest.mark.parametrize("status", [500, 502, 503, 504])
    async def test_a_system_that_is_unwell_is_unavailable(
        self, harness: LabHarness, connector: Connector, ref: RecordRef, status: int
    ) -> None:
        await harness.arm(effect="status", status=status, times=1)
        with pytest.raises(SystemUnavailable):
            await connector.read(ref)

    async def test_nobody_there_is_unavailable(
        self, harness: LabHarness, connector: Connector, ref: RecordRef
    ) -> None:
        await harness.arm(effect="outage", times=1)
        with pytest.raises(SystemUnavailable):
            await connector.read(ref)

    async def test_a_lost_answer_leaves_the_outcome_open(
        self, harness: LabHarness, connector: Connector, seen: Snapshot
    ) -> None:
        await harness.arm(effect="lost_response", operation="write", times=1)
        with pytest.raises(SystemUnavailable) as lost:
            await connector.update(seen, {harness.text: "arrived"}, marker="w9")
        assert lost.value.evidence["sent"] is True
        assert (await connector.read(seen.ref)).value(harness.text) == "arrived"

    async def test_a_refused_credential_stops_the_connection(
        self, harness: LabHarness, connector: Connector, ref: RecordRef
    ) -> None:
        await harness.arm(effect="status", status=401)
        with pytest.raises(CredentialsRefused):
            await connector.read(ref)

    async def test_a_probe_notices_a_refused_credential(
        self, harness: LabHarness, connector: Connector
    ) -> None:
        await harness.arm(effect="status", status=401)
        with pytest.raises(CredentialsRefused):
            await connector.probe()

    async def test_a_refused_write_stops_the_record_and_writes_nothing(
        self, harness: LabHarness, connector: Connector, seen: Snapshot
    ) -> None:
        await harness.arm(effect="status", status=400, operation="write", reason="not today", times=1)
        with pytest.raises(RecordRejected, match="not today"):
            await connector.update(seen, {harness.text: "refused"}, marker="w10")
        assert (await connector.read(seen.ref)).version == seen.version

    async def test_an_update_takes_one_write(
        self, harness: LabHarness, connector: Connector, seen: Snapshot
    ) -> None:
        before = await harness.writes(seen.ref)
        await connector.update(seen, {harness.text: "once", harness.other: "room 4"}, marker="w11")
        assert await harness.writes(seen.ref) == before + 1
