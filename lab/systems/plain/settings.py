"""What the plain system can do, switchable."""

from typing import Literal

from pydantic import Field

from lab.systems.settings import Settings


class PlainSettings(Settings):
    """Capabilities, as `GET /capabilities` tells them, and the one credential."""

    token: str = "lab"
    user: str = "sync"  # the actor behind that token
    cas: bool = True  # If-Match is honoured
    history: bool = True  # the history call exists
    returns_record: bool = True  # a PATCH answers with the record, else 204
    field_stamps: bool = False  # records carry a stamp per field
    version_exact: bool = (
        True  # every save has a version of its own; else the version is the (coarse) stamp, the sequence null
    )
    feed: Literal["saves", "stamps"] = "saves"  # what `since` counts in the change feed: saves, or seconds
    feed_step: float = Field(
        default=0, ge=0
    )  # by stamps: `since` is cut down to whole steps, like JQL's minutes
