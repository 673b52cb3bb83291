"""What a search finds: ids and stamps. The index lags, so everything else is read afresh."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from pydantic import AwareDatetime, BaseModel, Field, field_validator

from connectors.jira.changelog import parse_stamp


class HitFields(BaseModel):
    updated: AwareDatetime | None = None

    @field_validator("updated", mode="before")
    @classmethod
    def _read_stamp(cls, written: Any) -> datetime | None:
        return parse_stamp(written)


class Hit(BaseModel):
    """An issue that the index names. Jira leaves out the fields if none was asked for but the id."""

    id: str
    fields: HitFields = Field(default_factory=HitFields)

    @property
    def updated(self) -> int:
        """Epoch ms; 0 if the hit doesn't tell."""
        return int(self.fields.updated.timestamp() * 1000) if self.fields.updated else 0


class HitPage(BaseModel):
    issues: list[Hit] = Field(default_factory=list)
    next_page: str | None = Field(default=None, alias="nextPageToken")
    is_last: bool = Field(default=False, alias="isLast")

    @property
    def following(self) -> str | None:
        """The token of the next page; None on the last."""
        return None if self.is_last else self.next_page
