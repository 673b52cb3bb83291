from pathlib import Path

import httpx

from lab.bench.finish import Finish, JournaledWrites, NotedEnds, Notes
from lab.systems.process import LabSystem


async def test_what_is_noted_is_told_once(tmp_path: Path) -> None:
    line = NotedEnds(tmp_path / "notes")
    notes = Notes(tmp_path / "notes")
    notes.add(3, 12.5)
    assert await line.passed() == [Finish(3, 12.5)]
    notes.add(4, 13.0)
    assert await line.passed() == [Finish(4, 13.0)]
    assert await line.passed() == []


async def test_only_writes_that_were_taken_end_a_change(tmp_path: Path) -> None:
    async with await LabSystem.start("plain", "alpha", tmp_path) as alpha:
        watched, other = [await alpha.control.create("ticket", {"title": "x"}) for _ in range(2)]
        line = JournaledWrites(alpha.control, {f"ticket/{watched.id}": 7})
        async with httpx.AsyncClient(base_url=alpha.url, headers={"Authorization": "Bearer lab"}) as client:
            for record, version in ((watched, "9"), (other, "1"), (watched, "1")):
                body, expected = {"fields": {"title": "y"}}, {"If-Match": f'"{version}"'}
                await client.patch(f"/records/ticket/{record.id}", json=body, headers=expected)
        assert [finish.lane for finish in await line.passed()] == [7]
        assert await line.passed() == []
