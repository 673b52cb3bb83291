"""Ways for a pair to end or to rest though both records are there: merged into another record, or out of scope."""

from __future__ import annotations

from domain.outcome import RECORD_UNIT, LogKind, LogLine, LogStage
from domain.sides import Pair, Side
from domain.values import digest


def merged_line(pair_id: str, side: Side, into: str, keys: Pair[str], systems: Pair[str]) -> LogLine:
    """The one line of a link that ends since its record was merged into another; nobody's value is overruled."""
    return LogLine(
        conflict_id=digest("merged", pair_id, side.value, into),
        unit=RECORD_UNIT,
        kind=LogKind.MERGED,
        stage=LogStage.DECIDED,
        policy="merged",
        rule="merged: the link ends",
        reason=f"{systems[side]} merged {keys[side]} into {into}; {systems[side.other]} {keys[side.other]} stays as it is",
    )
