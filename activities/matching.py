"""The activity that looks for an unlinked record's counterpart; what it does stands in `counterpart.py`."""

from __future__ import annotations

from temporalio import activity

from activities.context import Context
from activities.counterpart import Matched, MatchInput, find_or_create


class MatchActivities:
    """Links appear here, by machine; `accord link` makes them by hand."""

    def __init__(self, context: Context) -> None:
        self.context = context

    @activity.defn
    async def match_record(self, asked: MatchInput) -> Matched:
        """Link the record to its counterpart; create that where the declaration says so.

        Safe to run twice, also at once: a record is an end of one active pair per integration by constraint, and a
        create goes out under a key that was reserved before, so that an unknown outcome is looked up, not repeated.
        """
        return await find_or_create(self.context, asked)
