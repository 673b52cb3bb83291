"""What the site sets on its own in a save: defaults of a new issue, the resolution, comments with ids."""

from collections.abc import Callable
from typing import Any

from lab.systems.jira.comments import with_new
from lab.systems.jira.settings import JiraSettings
from lab.systems.jira.site import Json
from lab.systems.jira.times import time_text
from lab.systems.records import Record


def settle(
    settings: JiraSettings,
    record: Record,
    written: Json,
    *,
    by: str,
    stamp: float | None,
    next_comment_id: Callable[[], str],
) -> dict[str, Any]:
    """The values that a save stores.

    Args:
        settings: The workflow and the first values.
        record: As it was before; a new one has version 0 and no fields.
        written: Kept values. `comment` isn't one: it is appended to `comments`.
        by: The author's account id.
        stamp: The site's time of the save.
        next_comment_id: Gives ids that never repeat.
    """
    stored = {name: value for name, value in written.items() if name not in {"comment", "project"}}
    if record.version == 0:
        stored = _defaults(settings, by) | stored
    if "comment" in written:
        kept = record.fields.get("comments") or []
        stored["comments"] = with_new(kept, written["comment"], by=by, stamp=stamp, next_id=next_comment_id)
    return stored | _resolution(settings, record.fields.get("status"), stored, stamp)


def _defaults(settings: JiraSettings, by: str) -> Json:
    return {
        "issuetype": settings.issue_types[0],
        "status": settings.way.statuses[0].name,
        "priority": settings.priorities[len(settings.priorities) // 2],
        "resolution": None,
        "labels": [],
        "assignee": None,
        "reporter": by,
    }


def _resolution(settings: JiraSettings, before: str | None, stored: Json, stamp: float | None) -> Json:
    """The workflow's post functions: a done issue has a resolution, any other has none."""
    after = str(stored.get("status", before))
    if after == before:
        return {}
    if not settings.way.is_done(after):
        return {"resolution": None, "resolutiondate": None}
    chosen = stored.get("resolution") or settings.resolutions[0]
    return {"resolution": chosen, "resolutiondate": time_text(stamp)}
