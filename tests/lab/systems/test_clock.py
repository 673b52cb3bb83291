"""The two times of a simulated system."""

from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

import httpx
import pytest

from lab.systems.process import LabSystem

pytestmark = pytest.mark.stack


async def test_stamps_are_skewed_and_coarse_while_true_time_is_kept(
    system: LabSystem, api: httpx.AsyncClient
) -> None:
    await system.control.change_settings(skew=-20, granularity=60)
    record = await system.control.create("ticket", {"title": "t"}, at=130)
    answer = (await api.get(f"/records/ticket/{record.id}")).json()
    assert answer["modified_at"] == "1970-01-01T00:01:00.000Z"
    assert (await system.control.record("ticket", record.id)).saves[0].at == 130


async def test_a_stamp_stays_when_the_clock_is_set_anew(system: LabSystem, api: httpx.AsyncClient) -> None:
    record = await system.control.create("ticket", {"title": "t"}, at=150)
    await system.control.change_settings(skew=3600)
    assert (await api.get(f"/records/ticket/{record.id}")).json()["modified_at"] == "1970-01-01T00:02:30.000Z"


async def test_a_system_may_stamp_nothing(system: LabSystem, api: httpx.AsyncClient) -> None:
    await system.control.change_settings(missing_stamps=True)
    record = await system.control.create("ticket", {"title": "t"}, at=150)
    assert (await api.get(f"/records/ticket/{record.id}")).json()["modified_at"] is None


async def test_the_date_header_shows_the_skewed_clock(system: LabSystem, api: httpx.AsyncClient) -> None:
    await system.control.change_settings(skew=86400)
    shown = parsedate_to_datetime((await api.get("/capabilities")).headers["date"])
    ahead = (shown - datetime.now(UTC)).total_seconds()
    assert 86000 < ahead < 87000


async def test_search_and_feed_lag_while_reads_do_not(system: LabSystem, api: httpx.AsyncClient) -> None:
    record = await system.control.create("ticket", {"title": "old"})
    await system.control.change_settings(search_lag=3600)
    assert (await api.post("/records/ticket/search", json={"title": "old"})).json()["records"] == []
    assert (await api.get("/records/ticket/changes")).json()["records"] == []
    assert (await api.get(f"/records/ticket/{record.id}")).json()["fields"] == {"title": "old"}
    await system.control.change_settings(search_lag=0)
    assert len((await api.get("/records/ticket/changes")).json()["records"]) == 1
