"""The business rule that customers install, run by Node with stand-ins for the instance's own objects."""

from __future__ import annotations

import asyncio
import json
import shutil
from datetime import UTC, datetime
from pathlib import Path

import pytest

from connectors.servicenow import webhook
from connectors.servicenow.connector import ServiceNowConnector, build
from domain.records import RecordRef

RULE = Path(webhook.__file__).with_name("business_rule.js")
SYS_ID = "a9e30c7dc61122760116894de7bcc7bd"
NODE = shutil.which("node")

INSTANCE = """
const crypto = require('crypto');
const properties = {'accord.webhook.url': 'https://accord.test/hook', 'accord.webhook.secret': 'geheim-é'};
const row = {sys_mod_count: '4', sys_updated_by: 'ada', sys_updated_on: '2026-01-06 10:38:52'};
const sent = {headers: {}};
const gs = {getProperty: name => properties[name], generateGUID: () => 'event-1'};
const GlideStringUtil = {
  base64Encode: text => Buffer.from(text, 'utf8').toString('base64'),
  base64DecodeAsBytes: text => Array.from(new Int8Array(Buffer.from(text, 'base64'))),
};
class GlideDateTime { getNumericValue() { return NOW_MS; } }
class CertificateEncryption {
  generateMac(key, algorithm, data) {
    if (algorithm !== 'HmacSHA256') throw new Error(algorithm);
    return crypto.createHmac('sha256', Buffer.from(key, 'base64')).update(data, 'utf8').digest('base64');
  }
}
const sn_ws = {RESTMessageV2: class {
  setHttpMethod(method) { sent.method = method; }
  setEndpoint(url) { sent.url = url; }
  setRequestHeader(name, value) { sent.headers[name.toLowerCase()] = value; }
  setRequestBody(body) { sent.body = body; }
  executeAsync() { console.log(JSON.stringify(sent)); }
}};
const current = {getTableName: () => 'incident', getUniqueValue: () => 'SYS_ID', operation: () => 'update',
                 getValue: name => row[name]};
"""


@pytest.fixture
def connector() -> ServiceNowConnector:
    return build(
        "snow",
        {"url": "https://x.test", "user": "accord", "password": "p", "webhook_secrets": ["geheim-é"]},
    )


@pytest.mark.skipif(
    NODE is None, reason="the business rule is JavaScript, and there is no Node here to run it; CI has one"
)
async def test_the_shipped_business_rule_sends_what_the_connector_proves(
    connector: ServiceNowConnector,
) -> None:
    now = datetime(2026, 1, 6, 10, 38, 53, tzinfo=UTC)
    stage = INSTANCE.replace("NOW_MS", str(int(now.timestamp() * 1000))).replace("SYS_ID", SYS_ID)
    process = await asyncio.create_subprocess_exec(
        str(NODE), "-", stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE
    )
    out, _ = await process.communicate((stage + RULE.read_text()).encode())
    sent = json.loads(out)

    body = sent["body"].encode()
    assert (sent["method"], sent["url"]) == ("post", "https://accord.test/hook")
    assert connector.verify_webhook(sent["headers"], body, now=now)
    (notice,) = connector.parse_webhook(sent["headers"], body, now=now)
    assert notice.ref == RecordRef(connection="snow", record_type="incident", id=SYS_ID)
    assert (notice.kind, notice.delivery_id, notice.version) == (
        "changed",
        "event-1",
        "4@2026-01-06 10:38:52",
    )


@pytest.mark.parametrize(
    ("operation", "kind"), [("insert", "created"), ("update", "changed"), ("delete", "deleted")]
)
def test_each_operation_has_its_kind(connector: ServiceNowConnector, operation: str, kind: str) -> None:
    body = {"event_id": "e", "table": "incident", "sys_id": SYS_ID, "operation": operation}
    (notice,) = connector.parse_webhook({}, json.dumps(body).encode(), now=datetime.now(UTC))
    assert notice.kind == kind
    assert notice.version is None


def test_an_operation_that_nobody_knows_tells_nothing(connector: ServiceNowConnector) -> None:
    body = {"event_id": "e", "table": "incident", "sys_id": SYS_ID, "operation": "purge"}
    assert connector.parse_webhook({}, json.dumps(body).encode(), now=datetime.now(UTC)) == []
