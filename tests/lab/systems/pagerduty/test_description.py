import httpx
import pytest

from tests.lab.systems.answers import Answers

pytestmark = pytest.mark.stack


async def test_answers_have_the_shapes_that_the_description_names(api: httpx.AsyncClient) -> None:
    answers = Answers.described_by("pagerduty")
    api.event_hooks = {"response": [answers.check]}
    new = {"title": "x", "service": {"id": "PSERVICE", "type": "service_reference"}}
    incident = (await api.post("/incidents", json={"incident": new})).json()["incident"]["id"]
    path = f"/incidents/{incident}"
    await api.put(path, json={"incident": {"status": "acknowledged", "priority": {"id": "PPRIO1"}}})
    await api.put(
        "/incidents", json={"incidents": [{"id": incident, "status": "resolved", "urgency": "low"}]}
    )
    note = (await api.post(f"{path}/notes", json={"note": {"content": "n"}})).json()["note"]["id"]
    await api.put(f"{path}/notes/{note}", json={"note": {"content": "m"}})
    await api.put(
        f"{path}/custom_fields/values", json={"custom_fields": [{"name": "itsm_id", "value": "INC1"}]}
    )
    for call in (
        "incidents",
        f"{path[1:]}",
        "log_entries",
        "incidents/custom_fields",
        "users",
        "users/me",
        "priorities",
    ):
        await api.get(f"/{call}")
    for part in ("notes", "log_entries", "custom_fields/values"):
        await api.get(f"{path}/{part}")
    await api.delete(f"{path}/notes/{note}")
    asked = {"delivery_method": {"url": "http://127.0.0.1:9/"}, "events": ["incident.resolved"]}
    made = (await api.post("/webhook_subscriptions", json={"webhook_subscription": asked})).json()
    await api.get("/webhook_subscriptions")
    hook = f"/webhook_subscriptions/{made['webhook_subscription']['id']}"
    await api.post(f"{hook}/enable")
    await api.delete(hook)
    assert answers.mistakes == []
    assert len(answers.checked) == 21
