"""`python -m lab.scenarios.live.hasty_worker PACE`: Accord's worker with all pauses of an outage divided by PACE.

So a case's hours pass in minutes, and what happens every five minutes of them still happens as often.
"""

from __future__ import annotations

import sys
from dataclasses import replace
from datetime import timedelta
from typing import Any

import uvloop

from gateway.collector import look_less_often
from gateway.logs import log_as_json
from worker import main
from workflows import options

SHORTEST = timedelta(milliseconds=500)
"""Of a retry: what the first one waits for in production too."""


def hurry(pace: float) -> None:
    """Divide the pauses of pairs and probes, and the longest ones between two tries of an activity."""
    options.CLOSED = options.CLOSED / pace
    options.BACK_OFF = _divided(options.BACK_OFF, pace)
    options.PROBES = _divided(options.PROBES, pace)
    options.PROBES_REFUSED = _divided(options.PROBES_REFUSED, pace)
    for tried in (options.STEP, options.PASS, options.POLL, options.PROBE):
        tried["retry_policy"] = _sooner(tried, pace)


def _sooner(tried: dict[str, Any], pace: float) -> Any:
    policy = tried["retry_policy"]
    longest = max(SHORTEST, policy.maximum_interval / pace)
    return replace(policy, initial_interval=min(policy.initial_interval, longest), maximum_interval=longest)


def _divided(pauses: tuple[timedelta, ...], pace: float) -> Any:
    return tuple(pause / pace for pause in pauses)


if __name__ == "__main__":
    log_as_json()
    hurry(float(sys.argv[1]))
    look_less_often()
    uvloop.run(main())
