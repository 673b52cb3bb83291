"""What a simulated Jira site is made of, switchable: people, projects, fields, workflow."""

from typing import Final, Literal

from pydantic import BaseModel, ConfigDict, Field

from lab.systems.desk import AUTOMATION
from lab.systems.jira.workflow import PRESETS, Workflow
from lab.systems.settings import Settings

FieldKind = Literal[
    "text", "textarea", "number", "date", "datetime", "option", "options", "labels", "user",
]  # fmt: skip


class CustomField(BaseModel):
    """A custom field on the screens of every project."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    kind: FieldKind = "text"
    options: tuple[str, ...] = ()


class Person(BaseModel):
    """A user. Whoever edits without being listed here has an account id, a display name and nothing else."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    email: str = ""
    time_zone: str = "UTC"
    is_app: bool = False


_PEOPLE: Final = {
    "accord": Person(name="Accord", email="accord@example.com"),
    "alice": Person(name="Alice", email="alice@example.com"),
    "bob": Person(name="Bob", email="bob@example.com"),
    AUTOMATION: Person(name="Automation for Jira", is_app=True),
}

_CUSTOM_FIELDS: Final = {
    "customfield_10001": CustomField(name="Accord Link"),
    "customfield_10002": CustomField(
        name="Business Impact", kind="option", options=("High", "Medium", "Low")
    ),
    "customfield_10003": CustomField(name="Urgency", kind="option", options=("High", "Medium", "Low")),
    "customfield_10004": CustomField(name="Root Cause", kind="textarea"),
}


class JiraSettings(Settings):
    """Values are kept in their plain form: a status by its name, a person by account id, rich text as plain text."""

    gone_status: Literal[404, 410] = 404
    granularity: float = Field(default=0.001, ge=0)
    email: str = "accord@example.com"
    token: str = "lab"
    account_id: str = "accord"
    """Who the API user is: a key of `people`."""
    people: dict[str, Person] = Field(default=_PEOPLE)
    projects: tuple[str, ...] = ("OPS", "DEV")
    issue_types: tuple[str, ...] = ("Bug", "Task", "Story", "Incident")
    priorities: tuple[str, ...] = ("Highest", "High", "Medium", "Low", "Lowest")
    resolutions: tuple[str, ...] = ("Done", "Won't Do", "Duplicate", "Cannot Reproduce")
    custom_fields: dict[str, CustomField] = Field(default=_CUSTOM_FIELDS)
    required_fields: tuple[str, ...] = ()
    """Fields that a field configuration made mandatory: a new issue without one is refused."""
    off_screen: tuple[str, ...] = ()
    """Fields that are on no screen: a write of one is refused by name."""
    workflow: Literal["simple", "reviewed"] | Workflow = "simple"
    transition_seconds: float = Field(default=0, ge=0)
    """How long a transition takes; another one of the same issue meanwhile is answered with 409."""
    limits_writes_per_issue: bool = True
    """20 writes in 2 s and 100 in 30 s to one issue, as on the real site."""

    @property
    def way(self) -> Workflow:
        """The workflow itself, also where a preset is named."""
        return PRESETS[self.workflow] if isinstance(self.workflow, str) else self.workflow
