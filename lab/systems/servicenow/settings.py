"""What can be switched on a simulated ServiceNow instance, beside what every system has."""

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from lab.systems.settings import Settings


class AbortingRule(BaseModel):
    """A before-update business rule: a write that makes every value of `when` true is aborted (403), saying `message`."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    when: dict[str, Any]
    message: str = "aborted by business rule"
    table: str | None = None


class ServiceNowSettings(Settings):
    """Values are texts, as on the real instance: `state` is "6", not 6."""

    gone_status: Literal[404, 410] = 404
    webhook_retries: int = 0  # a business rule sends once; a script that retries is the customer's own work
    user: str = "accord"
    password: str = "lab"
    client_id: str = "accord"
    client_secret: str = "lab"
    users: dict[str, str] = Field(
        default={"accord": "accord@example.com", "alice": "alice@example.com", "bob": "bob@example.com"}
    )
    """user_name → e-mail: the rows of sys_user. Anybody else may edit too, without a row."""
    compute_priority: bool = False
    """Whether priority follows impact and urgency and can't be written, as on an instance out of the box.

    Off, since a declaration that maps priority both ways needs an instance whose owner lifted that rule.
    """
    audited: bool = True
    """Whether changes of incident, problem and change_request are kept in sys_audit."""
    aborting_rules: list[AbortingRule] = Field(default=[])
    custom_columns: list[str] = Field(default=[])
    """Text columns that the customer added to every task table, `u_…`: the dictionary tells of them.

    Others beginning so are kept as well, but a client that asks the dictionary first doesn't find them.
    """
    dictionary: dict[str, dict[str, str]] = Field(default={})
    """Column → what its sys_dictionary row says otherwise, such as `{"mandatory": "true"}`; nothing but that row changes."""
    removed_columns: list[str] = Field(default=[])
    """Columns that an administrator deleted: the dictionary, answers and writes don't know them."""
    choices: dict[str, dict[str, str]] = Field(default={})
    """Column → value → label: the choice list that an administrator made of the one that every table has."""
    mandatory_when_resolved: list[str] = Field(default=[])
    """A data policy: fields that must not be empty once `state` is 6 or 7, else 403."""
    unwritable: list[str] = Field(default=[])
    """Fields that the integration user may not write: left out of a write without a word."""
    unreadable: list[str] = Field(default=[])
    """Fields that the integration user may not read: left out of answers without a word."""
    hidden_records: list[str] = Field(default=[])
    """sys_ids that an ACL hides from the integration user: reads answer 404, lists leave them out after the limit."""
    invalid_query_returns_no_rows: bool = False
    """The property glide.invalid_query.returns_no_rows; off, a query part that can't be understood is dropped."""
