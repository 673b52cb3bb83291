"""Who and what there is in a simulated PagerDuty account, switchable."""

from typing import Final, Literal

from pydantic import BaseModel, ConfigDict, Field

from lab.systems.settings import Settings

DataType = Literal["string", "integer", "float", "boolean", "url", "datetime"]
_TYPES: Final = {
    "string": (str,), "integer": (int,), "float": (int, float), "boolean": (bool,), "url": (str,), "datetime": (str,),
}  # fmt: skip


class Person(BaseModel):
    """A user. Whoever edits without being listed has an id made of the name, and no e-mail."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: str
    name: str
    email: str


class CustomField(BaseModel):
    """A field of incidents beside the built-in ones; with `options` it takes only these."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: str
    display_name: str
    data_type: DataType = "string"
    options: tuple[str, ...] = ()

    def takes(self, value: object) -> bool:
        if value is None:
            return True
        if self.options:
            return value in self.options
        return isinstance(value, _TYPES[self.data_type]) and (self.data_type == "boolean") == isinstance(
            value, bool
        )


_PEOPLE: Final = {
    "accord": Person(id="PACCORD", name="Accord", email="accord@example.com"),
    "alice": Person(id="PALICE1", name="Alice", email="alice@example.com"),
    "bob": Person(id="PBOBBY1", name="Bob", email="bob@example.com"),
}


class PagerDutySettings(Settings):
    """Values are kept in their plain form: a priority by its name, a user by the name that control calls use."""

    gone_status: Literal[404, 410] = 404
    webhook_retries: int = Field(default=10, ge=0)  # the vendor tries for 48 hours
    token: str = "lab"
    user: str = "accord"
    """Whose the token is; who acts where a request needs no `From`. A key of `people`."""
    people: dict[str, Person] = Field(default=_PEOPLE)
    services: dict[str, str] = Field(default={"PSERVICE": "Mail", "PSERVIC2": "Shop"})
    """Service id → name."""
    priorities: dict[str, str] = Field(default={f"P{n}": f"PPRIO{n}" for n in range(1, 6)})
    """Priority name → id, the highest first."""
    custom_fields: dict[str, CustomField] = Field(
        default={
            "itsm_id": CustomField(id="PCUST01", display_name="ITSM id"),
            "business_impact": CustomField(
                id="PCUST02", display_name="Business Impact", options=("High", "Medium", "Low")
            ),
        }
    )
    time_zone: str = "UTC"
    """Of the account: what times without an offset mean."""
    resolved_is_final: bool = False
    """Whether edits of a resolved incident are refused (error 1001) unless they reopen it."""
