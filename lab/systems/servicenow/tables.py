"""The tables of the instance: columns with type and default, choice lists, number prefixes.

Source: ServiceNow documentation, "Table API" sample outputs and "Incident management state model"; types of columns as in a
fresh instance, shortened to those that an integration meets.
"""

from dataclasses import dataclass, field
from typing import Final


@dataclass(frozen=True, slots=True)
class Column:
    """`reference` names the table that a reference column points to."""

    internal_type: str = "string"
    max_length: int = 40
    default: str = ""
    reference: str = ""


@dataclass(frozen=True, slots=True)
class Table:
    """A task table: one that people create records in. `prefix` begins its numbers."""

    name: str
    prefix: str
    own: dict[str, Column]
    choices: dict[str, dict[str, str]] = field(default_factory=dict)

    @property
    def columns(self) -> dict[str, Column]:
        return SYSTEM_COLUMNS | TASK_COLUMNS | self.own

    def choices_of(self, column: str) -> dict[str, str]:
        """Value → label, of the table itself or of its parent `task`."""
        return self.choices.get(column) or TASK_CHOICES.get(column, {})


_TEXT = Column()
_LONG_TEXT = Column(max_length=4000)
_JOURNAL = Column("journal_input", 4000)
_TIME = Column("glide_date_time")
_USER = Column("reference", 32, reference="sys_user")
_GROUP = Column("reference", 32, reference="sys_user_group")
_TASK = Column("reference", 32, reference="task")

JOURNALS: Final = ("comments", "work_notes")

SYSTEM_COLUMNS: Final = {
    "sys_id": Column("GUID", 32),
    "sys_class_name": Column("sys_class_name", 80),
    "sys_created_on": _TIME,
    "sys_created_by": _TEXT,
    "sys_updated_on": _TIME,
    "sys_updated_by": _TEXT,
    "sys_mod_count": Column("integer"),
    "sys_tags": _TEXT,
}

TASK_COLUMNS: Final = {
    "number": _TEXT,
    "short_description": Column(max_length=160),
    "description": _LONG_TEXT,
    "state": Column("integer", default="1"),
    "impact": Column("integer", default="3"),
    "urgency": Column("integer", default="3"),
    "priority": Column("integer", default="5"),
    "active": Column("boolean", default="true"),
    "assigned_to": _USER,
    "assignment_group": _GROUP,
    "opened_by": _USER,
    "opened_at": _TIME,
    "closed_by": _USER,
    "closed_at": _TIME,
    "close_notes": _LONG_TEXT,
    "due_date": _TIME,
    "comments": _JOURNAL,
    "work_notes": _JOURNAL,
    "correlation_id": Column(max_length=100),
    "correlation_display": Column(max_length=100),
    "contact_type": _TEXT,
    "escalation": Column("integer", default="0"),
    "approval": Column(default="not requested"),
    "parent": _TASK,
    "company": Column("reference", 32, reference="core_company"),
    "location": Column("reference", 32, reference="cmn_location"),
    "cmdb_ci": Column("reference", 32, reference="cmdb_ci"),
    "business_service": Column("reference", 32, reference="cmdb_ci_service"),
    "watch_list": Column("glide_list", 4000),
    "work_notes_list": Column("glide_list", 4000),
    "made_sla": Column("boolean", default="true"),
    "upon_approval": Column(default="proceed"),
    "upon_reject": Column(default="cancel"),
    "reassignment_count": Column("integer", default="0"),
}

TASK_CHOICES: Final[dict[str, dict[str, str]]] = {
    "impact": {"1": "1 - High", "2": "2 - Medium", "3": "3 - Low"},
    "urgency": {"1": "1 - High", "2": "2 - Medium", "3": "3 - Low"},
    "priority": {
        "1": "1 - Critical",
        "2": "2 - High",
        "3": "3 - Moderate",
        "4": "4 - Low",
        "5": "5 - Planning",
    },
    "escalation": {"0": "Normal", "1": "Moderate", "2": "High", "3": "Overdue"},
}

_INCIDENT: Final = Table(
    "incident",
    "INC",
    {
        "category": Column(default="inquiry"),
        "subcategory": _TEXT,
        "caller_id": _USER,
        "close_code": _TEXT,
        "hold_reason": Column("integer"),
        "incident_state": Column("integer", default="1"),
        "severity": Column("integer", default="3"),
        "problem_id": Column("reference", 32, reference="problem"),
        "resolved_at": _TIME,
        "resolved_by": _USER,
        "reopen_count": Column("integer", default="0"),
    },
    {
        "state": {
            "1": "New",
            "2": "In Progress",
            "3": "On Hold",
            "6": "Resolved",
            "7": "Closed",
            "8": "Canceled",
        },
        "hold_reason": {
            "1": "Awaiting Caller",
            "3": "Awaiting Problem",
            "4": "Awaiting Vendor",
            "5": "Awaiting Change",
        },
    },
)

_PROBLEM: Final = Table(
    "problem",
    "PRB",
    {
        "known_error": Column("boolean", default="false"),
        "cause_notes": _LONG_TEXT,
        "fix_notes": _LONG_TEXT,
        "workaround": _LONG_TEXT,
        "resolution_code": _TEXT,
    },
    {
        "state": {
            "101": "New",
            "102": "Assess",
            "103": "Root Cause Analysis",
            "104": "Fix in Progress",
            "106": "Resolved",
            "107": "Closed",
        },
    },
)

_CHANGE: Final = Table(
    "change_request",
    "CHG",
    {
        "type": Column(default="normal"),
        "risk": Column("integer", default="3"),
        "start_date": _TIME,
        "end_date": _TIME,
        "implementation_plan": _LONG_TEXT,
        "backout_plan": _LONG_TEXT,
        "justification": _LONG_TEXT,
        "close_code": _TEXT,
    },
    {
        "state": {
            "-5": "New",
            "-4": "Assess",
            "-3": "Authorize",
            "-2": "Scheduled",
            "-1": "Implement",
            "0": "Review",
            "3": "Closed",
            "4": "Canceled",
        },
    },
)

TABLES: Final = {table.name: table for table in (_INCIDENT, _PROBLEM, _CHANGE)}

RESOLVED_STATES: Final = {"6", "7"}
CLOSED_STATES: Final = {"incident": {"7", "8"}, "problem": {"107"}, "change_request": {"3", "4"}}

FIRST_STATE: Final = {"incident": "1", "problem": "101", "change_request": "-5"}

PRIORITY_OF: Final = {
    ("1", "1"): "1", ("1", "2"): "2", ("1", "3"): "3",
    ("2", "1"): "2", ("2", "2"): "3", ("2", "3"): "4",
    ("3", "1"): "3", ("3", "2"): "4", ("3", "3"): "5",
}  # fmt: skip
"""(impact, urgency) → priority: the data lookup of a fresh instance."""


def is_column(table: Table, name: str) -> bool:
    """Whether the table has such a column; `u_` and `x_` begin the names of columns that customers added."""
    return name in table.columns or name.startswith(("u_", "x_"))
