"""The vendor's own Python client works on the simulator as on an instance."""

import pytest
from pysnc import ServiceNowClient
from pysnc.auth import ServiceNowClientCredentialsFlow
from pysnc.exceptions import AuthenticationException, NotFoundException

from lab.systems.process import LabSystem, Tls

pytestmark = pytest.mark.stack


def opened_incident(client: ServiceNowClient, **fields: str) -> str:
    record = client.GlideRecord("incident")
    record.initialize()
    for name, value in fields.items():
        record.set_value(name, value)
    return str(record.insert())


def test_an_incident_is_opened_read_changed_and_deleted(client: ServiceNowClient) -> None:
    sys_id = opened_incident(client, short_description="mail is down", urgency="1")
    record = client.GlideRecord("incident")
    assert record.get(sys_id)
    assert record.get_value("short_description") == "mail is down"
    assert record.get_display_value("state") == "New"
    record.set_value("state", "2")
    assert record.update() is not None
    assert record.get_value("sys_mod_count") == "1"
    assert record.delete()
    assert not client.GlideRecord("incident").get(sys_id)


def test_a_query_finds_by_encoded_conditions_over_several_pages(client: ServiceNowClient) -> None:
    for number in range(7):
        opened_incident(client, short_description=f"outage {number}", urgency=str(1 + number % 2))
    record = client.GlideRecord("incident", batch_size=2)
    record.add_query("urgency", "1")
    record.add_query("short_description", "STARTSWITH", "outage")
    record.order_by_desc("number")
    record.query()
    assert record.get_row_count() == 4
    assert [str(row.short_description) for row in record] == [f"outage {number}" for number in (6, 4, 2, 0)]


def test_a_wrong_password_is_refused(system: LabSystem, tls: Tls) -> None:
    stranger = ServiceNowClient(system.url, ("accord", "wrong"), verify=str(tls.authority), auto_retry=False)
    stranger.session.trust_env = False
    with pytest.raises(AuthenticationException):
        stranger.GlideRecord("incident").query()
    stranger.session.close()


def test_a_token_opens_the_door(system: LabSystem, tls: Tls, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(tls.authority))
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    flow = ServiceNowClientCredentialsFlow("accord", "lab")
    with_token = ServiceNowClient(system.url, flow, verify=str(tls.authority), auto_retry=False)
    assert opened_incident(with_token, short_description="by token")
    with_token.session.close()


def test_a_file_is_attached_and_read_back(client: ServiceNowClient) -> None:
    sys_id = opened_incident(client, short_description="see the log")
    client.attachment_api.upload_file("log.txt", "incident", sys_id, b"disk full", content_type="text/plain")
    attachment = client.Attachment("incident")
    attachment.add_query("table_sys_id", sys_id)
    attachment.query()
    assert attachment.next()
    with client.attachment_api.get_file(str(attachment.sys_id)) as file:
        assert file.content == b"disk full"


def test_what_is_not_there_is_not_found(client: ServiceNowClient) -> None:
    with pytest.raises(NotFoundException):
        client.attachment_api.get("0" * 32)
