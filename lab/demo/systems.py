"""The three simulated systems of the demo: how they run, how Accord is connected to them, what they are told of it."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import yaml

from embedded.child import Child
from embedded.errors import PortInUse
from embedded.ports import choose_port
from embedded.reach import accepts_connections
from lab.demo.script import Name
from lab.systems.outbox import Subscription

CHECKOUT = Path(__file__).parents[2]
WEBHOOK_SECRET = "demo-webhooks"
CLOCK_BOUND = "200ms"
"""All of them run on this machine's own clock."""

THREE = {"kind": "option", "options": ["High", "Medium", "Low"]}
PATIENT: Mapping[str, Any] = {"webhook_retries": 10}
"""Twice as long from try to try, three minutes in all: a gateway that was killed hears of everything."""


@dataclass(frozen=True, slots=True)
class System:
    """A simulated system, by the name of its kind and of Accord's connection to it."""

    name: Name
    port: int
    """Preferred; a free one is taken where it is in use."""
    record_type: str
    """What the simulator calls the records of the demo."""
    tagged: str
    """A field that Accord doesn't map: it bears the tag by which the demo finds its records."""
    options: Mapping[str, Any] = field(default_factory=dict)
    connection: Mapping[str, Any] = field(default_factory=dict)
    """Its entry in `connections.yaml`, but for the address."""


SYSTEMS: dict[Name, System] = {
    "servicenow": System(
        name="servicenow",
        port=8811,
        record_type="incident",
        tagged="u_demo",
        options={
            "custom_columns": [
                *("u_demo", "u_alert"),
                *("u_business_impact", "u_customer_impact", "u_financial_impact"),
            ]
        },
        connection={"user": "accord", "password": "lab", "audited": True},
    ),
    "jira": System(
        name="jira",
        port=8812,
        record_type="issue",
        tagged="environment",
        options={
            "workflow": "reviewed",
            "custom_fields": {
                "customfield_10001": {"name": "Accord Link"},
                "customfield_10002": {"name": "Business Impact", **THREE},
                "customfield_10005": {"name": "Alert"},
                "customfield_10006": {"name": "Customer Impact", **THREE},
                "customfield_10007": {"name": "Financial Impact", **THREE},
            },
        },
        connection={
            "email": "accord@example.com",
            "token": "lab",
            "project": "OPS",
            "marker_field": "customfield_10001",
            "transition_fields": {"resolution": "Done"},
        },
    ),
    "pagerduty": System(
        name="pagerduty",
        port=8813,
        record_type="incident",
        tagged="body",
        connection={"token": "lab", "from_email": "accord@example.com", "service": "PSERVICE"},
    ),
}


def preferred(port: int) -> int:
    """The port if it is free, else a free one."""
    try:
        return choose_port(port, "")
    except PortInUse:
        return choose_port(0, "")


def as_child(system: System, url: str, var: Path) -> Child:
    """Its process; the state is kept in `var/lab`."""
    port, options = urlsplit(url).port or 0, {**PATIENT, **system.options}

    async def is_ready() -> bool:
        return await accepts_connections("127.0.0.1", port)

    return Child(
        name=system.name,
        argv=(
            *(sys.executable, "-m", "lab.systems.run", system.name, "--name", system.name),
            *("--port", str(port), "--state", str(var / "lab" / f"{system.name}.db")),
            *(part for key, value in options.items() for part in ("--option", f"{key}={json.dumps(value)}")),
        ),
        cwd=CHECKOUT,
        is_ready=is_ready,
    )


def write_connections(urls: Mapping[Name, str], var: Path) -> Path:
    """`connections.yaml` with the addresses of this run."""
    entries = {
        name: {
            "system": name,
            "url": urls[name],
            "webhook_secrets": [WEBHOOK_SECRET],
            "clock_bound": CLOCK_BOUND,
            "changes": {"mode": "both", "every": "2m"},
            **system.connection,
        }
        for name, system in SYSTEMS.items()
    }
    file = var / "lab" / "connections.yaml"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(yaml.safe_dump(entries, sort_keys=False))
    return file


def subscription(system: System, gateway_url: str) -> Subscription:
    """Have it tell the gateway of this run; replaces what an earlier run said."""
    url = f"{gateway_url}/webhooks/{system.name}"
    return Subscription(id="accord", url=url, secret=WEBHOOK_SECRET, record_types=[system.record_type])
