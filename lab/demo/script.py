"""The script of the demo: which records there are, what people and automations do to them, and how each scenario must end.

Data only. The five conflicts are those of the project's mission; the first scenario shows an edit that travels on.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

Name = Literal["servicenow", "jira", "pagerduty"]
"""Of a connection, and of the simulated system behind it."""

Fields = Mapping[str, Any]

PRODUCTS: dict[Name, str] = {"servicenow": "ServiceNow", "jira": "Jira", "pagerduty": "PagerDuty"}

JIRA_NAMES = {
    "customfield_10002": "business impact",
    "customfield_10005": "alert",
    "customfield_10006": "customer impact",
    "customfield_10007": "financial impact",
}


def called(field: str) -> str:
    """What people call a native field."""
    return JIRA_NAMES.get(field, field.removeprefix("u_").replace("_", " "))


@dataclass(frozen=True, slots=True, kw_only=True)
class Act:
    """One thing that somebody does in a system's own user interface."""

    where: Name
    who: str
    does: Literal["create", "edit", "delete"] = "edit"
    fields: Fields = field(default_factory=dict)
    words: str
    after: float = 0
    """Seconds after the scenario's first act."""
    by_automation: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Ending:
    """How a scenario stands. `{servicenow}`, `{jira}` and `{pagerduty}` stand for the records' keys."""

    decided: tuple[str, ...]
    rules: tuple[str, ...] = ()
    """Not compared once a person has decided: both approving and overriding give the same outcome."""
    written: tuple[str, ...] = ()
    stands: tuple[str, ...]
    waits: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """Records that stand linked and in step, what is then done to them, and how it must end.

    Attributes:
        name: Short; part of the tag that its records bear.
        title: What people call it.
        trouble: Why it is difficult.
        before: The records that are linked beforehand, by system.
        acts: What happens. Of several, no system's webhook leaves before the last is done: the two sides don't know of each other.
        shows: Fields to look at in the end, by system.
        ending: How it must end.
        answers: How it must stand once a person has decided, by the system whose value was chosen.
    """

    name: str
    title: str
    trouble: str
    before: Mapping[Name, Fields] = field(default_factory=dict)
    acts: tuple[Act, ...]
    shows: Mapping[Name, tuple[str, ...]]
    ending: Ending
    answers: Mapping[str, Ending] = field(default_factory=dict)
    is_conflict: bool = True


CHAIN = Scenario(
    name="chain",
    is_conflict=False,
    title="One incident in three systems",
    trouble="PagerDuty and Jira aren't linked; both are linked to ServiceNow",
    before={
        "servicenow": {"short_description": "Checkout is slow", "priority": "2", "state": "1"},
        "jira": {"summary": "Checkout is slow", "priority": "High", "status": "To Do"},
        "pagerduty": {"title": "Checkout is slow", "priority": "P2", "status": "triggered"},
    },
    acts=(
        Act(
            where="pagerduty",
            who="alice",
            fields={"status": "acknowledged", "priority": "P1"},
            words="acknowledges, and raises priority P2 → P1",
        ),
    ),
    shows={
        "pagerduty": ("status", "priority"),
        "servicenow": ("state", "priority"),
        "jira": ("status", "priority"),
    },
    ending=Ending(
        decided=("no conflict; 2 pairs in step",),
        rules=("only one side changed",),
        written=(
            "ServiceNow {servicenow} state: 1 → 2, priority: 2 → 1",
            "Jira {jira} priority: High → Highest",
            "Jira {jira} state: To Do → In Progress",
        ),
        stands=(
            "PagerDuty {pagerduty}: status acknowledged, priority P1",
            "ServiceNow {servicenow}: state 2, priority 1",
            "Jira {jira}: status In Progress, priority Highest",
        ),
    ),
)

PRIORITY = Scenario(
    name="priority",
    title="Simultaneous priority",
    trouble="last write wins alone would keep P3 in silence",
    before={
        "servicenow": {"short_description": "Login fails for some", "priority": "2", "state": "1"},
        "pagerduty": {"title": "Login fails for some", "priority": "P2", "status": "triggered"},
    },
    acts=(
        Act(where="pagerduty", who="alice", fields={"priority": "P1"}, words="priority P2 → P1"),
        Act(where="servicenow", who="bob", fields={"priority": "3"}, words="priority 2 → 3", after=3),
    ),
    shows={"servicenow": ("priority",), "pagerduty": ("priority",)},
    ending=Ending(
        decided=("priority: PagerDuty stands (1 / P1)",),
        rules=("rules: b.value == 'P1'",),
        written=("ServiceNow {servicenow} priority: 3 → 1",),
        stands=("ServiceNow {servicenow}: priority 1", "PagerDuty {pagerduty}: priority P1"),
    ),
)

DIVERGENCE = Scenario(
    name="divergence",
    title="Status divergence",
    trouble="neither the fix nor the complaint may be erased in silence",
    before={
        "servicenow": {"short_description": "Invoices lack VAT", "priority": "3", "state": "6"},
        "jira": {"summary": "Invoices lack VAT", "priority": "Medium", "status": "In Review"},
    },
    acts=(
        Act(where="jira", who="carol", fields={"status": "Done"}, words="status In Review → Done"),
        Act(
            where="servicenow",
            who="dave",
            fields={"state": "2"},
            words="re-opens it: state Resolved → In Progress",
            after=3,
        ),
    ),
    shows={"servicenow": ("state",), "jira": ("status",)},
    ending=Ending(
        decided=("state: waits for a person",),
        rules=("rules: 'Done' in [a.as_b, b.value] && a.as_b != b.value",),
        stands=("ServiceNow {servicenow}: state 2", "Jira {jira}: status Done"),
        waits=("a decision on state",),
    ),
    answers={
        "Jira": Ending(
            decided=("state: Jira stands (7 / Done), says a person",),
            written=("ServiceNow {servicenow} state: 2 → 7",),
            stands=("ServiceNow {servicenow}: state 7", "Jira {jira}: status Done"),
        ),
        "ServiceNow": Ending(
            decided=("state: ServiceNow stands (2 / In Progress), says a person",),
            written=("Jira {jira} state: Done → In Progress",),
            stands=("ServiceNow {servicenow}: state 2", "Jira {jira}: status In Progress"),
        ),
    },
)

DUPLICATE = Scenario(
    name="duplicate",
    title="Duplicate creation",
    trouble="both record the same alert before either has seen the other",
    acts=(
        Act(
            where="servicenow",
            who="monitoring",
            does="create",
            fields={
                "short_description": "Disk full on db-7",
                "priority": "2",
                "state": "1",
                "u_alert": "ALERT-{round}",
            },
            words="records the alert as an incident",
            by_automation=True,
        ),
        Act(
            where="jira",
            who="automation",
            does="create",
            fields={
                "summary": "Disk full on db-7",
                "priority": "High",
                "status": "To Do",
                "customfield_10005": "ALERT-{round}",
            },
            words="records the same alert as an issue",
            by_automation=True,
        ),
    ),
    shows={"servicenow": ("u_alert",), "jira": ("customfield_10005",)},
    ending=Ending(
        decided=("no conflict; 1 pair in step",),
        rules=("match: correlation_id, alert",),
        stands=(
            "ServiceNow {servicenow}: alert ALERT-{round}",
            "Jira {jira}: alert ALERT-{round}",
        ),
    ),
)

DELETION = Scenario(
    name="deletion",
    title="Delete against edit",
    trouble="nothing may be resurrected, and no error may repeat for ever",
    before={
        "servicenow": {"short_description": "Old printer queue", "priority": "3", "state": "1"},
        "jira": {"summary": "Old printer queue", "priority": "Medium", "status": "To Do"},
    },
    acts=(
        Act(where="servicenow", who="housekeeping", does="delete", words="deletes the incident"),
        Act(
            where="jira",
            who="automation",
            fields={"priority": "High", "comment": "No answer for 4 hours: raised."},
            words="comments, and raises priority Medium → High",
            by_automation=True,
        ),
    ),
    shows={"servicenow": ("priority",), "jira": ("priority",)},
    ending=Ending(
        decided=("record: Jira stands",),
        rules=("on_delete: detach",),
        stands=("ServiceNow {servicenow}: deleted", "Jira {jira}: priority High"),
        waits=("nothing: the link has ended: ServiceNow {servicenow} is gone: detach",),
    ),
)

IMPACT = Scenario(
    name="impact",
    title="Unmappable value",
    trouble="ServiceNow knows five values, Jira three: hold, default, or blank, by choice",
    before={
        "servicenow": {
            "short_description": "Warehouse is offline",
            "priority": "3",
            "state": "1",
            "u_business_impact": "Medium",
            "u_customer_impact": "Medium",
            "u_financial_impact": "Medium",
        },
        "jira": {
            "summary": "Warehouse is offline",
            "priority": "Medium",
            "status": "To Do",
            "customfield_10002": "Medium",
            "customfield_10006": "Medium",
            "customfield_10007": "Medium",
        },
    },
    acts=(
        Act(
            where="servicenow",
            who="erin",
            fields={
                "u_business_impact": "Critical",
                "u_customer_impact": "Critical",
                "u_financial_impact": "Critical",
            },
            words="business, customer and financial impact Medium → Critical",
        ),
    ),
    shows={
        "servicenow": ("u_business_impact", "u_customer_impact", "u_financial_impact"),
        "jira": ("customfield_10002", "customfield_10006", "customfield_10007"),
    },
    ending=Ending(
        decided=(
            "business impact: held",
            "customer impact: default (Critical / High)",
            "financial impact: blank (Critical / null)",
        ),
        rules=("unmapped: hold", "unmapped: default", "unmapped: blank"),
        written=("Jira {jira} customer impact: Medium → High, financial impact: Medium → null",),
        stands=(
            "ServiceNow {servicenow}: business impact Critical, customer impact Critical, financial impact Critical",
            "Jira {jira}: business impact Medium, customer impact High, financial impact null",
        ),
        waits=(
            "a counterpart for business impact (business impact has no counterpart)",
            "alert: ServiceNow {servicenow} ↔ Jira {jira}: ServiceNow {servicenow}: business impact 'Critical' has no counterpart in Jira; add it to the value map or change `unmapped`",
        ),
    ),
)

SCRIPT = (CHAIN, PRIORITY, DIVERGENCE, DUPLICATE, DELETION, IMPACT)
