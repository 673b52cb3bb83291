import httpx
import pytest

from tests.lab.systems.answers import Answers

pytestmark = pytest.mark.stack


async def test_answers_have_the_shapes_that_the_description_names(api: httpx.AsyncClient) -> None:
    answers = Answers.described_by("servicenow")
    api.event_hooks = {"response": [answers.check]}
    created = (await api.post("/table/incident", json={"short_description": "x"})).json()["result"]
    row = f"/table/incident/{created['sys_id']}"
    await api.get(row)
    await api.get("/table/incident", params={"sysparm_display_value": "all"})
    await api.patch(row, json={"state": "2"})
    await api.put(row, json={"state": "3"})
    file = {"table_name": "incident", "table_sys_id": created["sys_id"], "file_name": "a.txt"}
    sent = (await api.post("/attachment/file", params=file, content=b"x")).json()["result"]
    await api.get("/attachment")
    await api.get(f"/attachment/{sent['sys_id']}")
    await api.delete(f"/attachment/{sent['sys_id']}")
    await api.delete(row)
    assert answers.mistakes == []
    assert len(answers.checked) == 10
