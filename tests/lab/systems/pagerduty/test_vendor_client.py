"""The vendor's own Python client works on the simulator as on an account."""

from typing import Any

import pytest
from pagerduty import HttpError, RestApiV2Client

pytestmark = pytest.mark.stack


def triggered(client: RestApiV2Client, **fields: Any) -> dict[str, Any]:
    (service, *_) = client.list_all("services")
    reference = {"id": service["id"], "type": "service_reference"}
    incident = {"type": "incident", "title": "disk full", "service": reference, **fields}
    found: dict[str, Any] = client.rpost("incidents", json=incident)
    return found


def test_an_incident_is_triggered_acknowledged_and_resolved(client: RestApiV2Client) -> None:
    p2 = client.find("priorities", "P2", attribute="name")
    incident = triggered(client, priority={"id": p2["id"], "type": "priority_reference"}, urgency="low")
    assert (incident["status"], incident["urgency"], incident["priority"]["summary"]) == (
        "triggered",
        "low",
        "P2",
    )
    incident = client.rput(incident, json={"type": "incident_reference", "status": "acknowledged"})
    assert [one["acknowledger"]["summary"] for one in incident["acknowledgements"]] == ["Alice"]
    change = {
        "id": incident["id"],
        "type": "incident_reference",
        "status": "resolved",
        "title": "disk replaced",
    }
    (incident,) = client.rput("incidents", json=[change])
    assert (incident["status"], incident["title"]) == ("resolved", "disk replaced")
    assert client.rget(f"/incidents/{incident['incident_number']}")["resolved_at"]


def test_incidents_are_found_by_status_over_all_pages(client: RestApiV2Client) -> None:
    made = [triggered(client, title=f"outage {number}")["id"] for number in range(5)]
    client.rput(f"/incidents/{made[0]}", json={"type": "incident_reference", "status": "resolved"})
    asked = {"statuses[]": ["triggered"], "sort_by": "incident_number:desc"}
    found = [incident["id"] for incident in client.iter_all("incidents", params=asked, page_size=2)]
    assert found == made[:0:-1]


def test_an_open_incident_with_the_same_key_refuses_a_second_one(client: RestApiV2Client) -> None:
    first = triggered(client, incident_key="accord-1")
    with pytest.raises(HttpError) as refused:
        triggered(client, incident_key="accord-1")
    assert refused.value.response.status_code == 400
    client.rput(first, json={"type": "incident_reference", "status": "resolved"})
    assert triggered(client, incident_key="accord-1")["id"] != first["id"]


def test_notes_and_custom_fields_are_written_and_read(client: RestApiV2Client) -> None:
    path = f"/incidents/{triggered(client)['id']}"
    client.rpost(f"{path}/notes", json={"content": "looking"})
    assert [note["content"] for note in client.rget(f"{path}/notes")] == ["looking"]
    values = {"custom_fields": [{"name": "itsm_id", "value": "INC0010001"}]}
    assert client.put(f"{path}/custom_fields/values", json=values).status_code == 201
    read = client.get(f"{path}/custom_fields/values").json()["custom_fields"]
    assert {one["name"]: one["value"] for one in read} == {"itsm_id": "INC0010001", "business_impact": None}


def test_the_log_tells_what_happened_the_newest_first(client: RestApiV2Client) -> None:
    incident = triggered(client)
    client.rput(incident, json={"type": "incident_reference", "status": "acknowledged"})
    kinds = [entry["type"] for entry in client.iter_all(f"/incidents/{incident['id']}/log_entries")]
    assert kinds == ["acknowledge_log_entry", "trigger_log_entry"]


def test_people_are_found_by_their_address(client: RestApiV2Client) -> None:
    assert client.find("users", "bob@example.com", attribute="email")["id"] == "PBOBBY1"
    assert client.rget("/users/me")["email"] == "accord@example.com"


def test_a_subscription_is_made_listed_and_removed(client: RestApiV2Client) -> None:
    method = {"type": "http_delivery_method", "url": "http://127.0.0.1:9/"}
    asked = {"type": "webhook_subscription", "delivery_method": method, "events": ["incident.triggered"]}
    made = client.rpost("webhook_subscriptions", json=asked)
    assert made["delivery_method"]["secret"]
    (listed,) = client.list_all("webhook_subscriptions")
    assert listed["delivery_method"]["secret"] is None
    client.rdelete(f"/webhook_subscriptions/{made['id']}")
    assert client.list_all("webhook_subscriptions") == []


def test_a_wrong_token_is_refused(client: RestApiV2Client) -> None:
    stranger = RestApiV2Client("wrong", base_url=client.url)
    with pytest.raises(HttpError) as refused:
        stranger.get("/incidents")
    stranger.close()
    assert refused.value.response.status_code == 401
    assert refused.value.response.json()["error"]["code"] == 2006
