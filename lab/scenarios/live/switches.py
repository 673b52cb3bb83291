"""A case's `given` as switches of the two simulated systems, and what those systems can't be switched to."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from domain.sides import SIDES, Side
from integrations.budget import Budget, parse_budget
from lab.scenarios.corpus import CapsGiven, Given
from lab.scenarios.translation import valid_of, word_of

STORE_RULES = {"strip": "strip", "trim": "strip", "lower": "lower"}
PATIENT = 9
"""Retries of a webhook, each twice as late as the one before: more than a killed gateway needs to come back."""
DOOR_WORDS = {"window", "body_limit", "allowed_hosts"}
"""What the front door is said to be like; `knocks.py` compares it with what it is."""
CUT = re.compile(r"(?:cut|truncate|max)\D*(\d+)")


class Inexpressible(Exception):
    """The case asks for something that this runner or its systems can't do; the message says the word."""


def switches_of(given: Given, side: Side) -> dict[str, Any]:
    """The lab settings of one side for one case; every switch that a case can name is among them.

    A system that stamps records only keeps no history either: that would tell the times of its fields after all.

    Raises:
        Inexpressible: The system has no such switch.
    """
    word = word_of(side)
    cdc = given.cdc_of(word)
    caps, stamps_fields = given.caps_of(word), given.clock.stamp.get(word, "field") == "field"
    return {
        "skew": given.clock.skew.get(word, 0),
        "granularity": given.clock.gran.get(word, 1),
        "missing_stamps": word in given.clock.missing,
        "field_stamps": stamps_fields,
        "history": caps.history and stamps_fields,
        "cas": caps.cas,
        "returns_record": caps.returns_record,
        "search_lag": (caps.model_extra or {}).get("search_lag", 0),
        "search_until": None,
        "feed": "stamps" if cdc.cursor_granularity else "saves",
        "feed_step": cdc.cursor_granularity,
        "store": _store_rules(caps),
        "valid": {name: list(values) for name, values in valid_of(given)[side].items()},
        "rate_limit": rate_limit_of(given, side),
        "webhook_copies": 1,
        "webhook_retries": PATIENT if given.webhook_retries is None else given.webhook_retries,
        "automation": [rule.model_dump() for rule in given.automation.get(word, [])],
    }


def rate_limit_of(given: Given, side: Side) -> dict[str, float] | None:
    """The system's own limit: what the connection may ask for, and not one request more."""
    written = given.rate_limit.get(word_of(side))
    if written is None:
        return None
    budget = Budget.model_validate(parse_budget(written))
    per_second = budget.calls / budget.per.total_seconds()
    return {"per_second": per_second, "burst": max(1, round(per_second))}


def unknown_words(given: Given) -> Iterator[str]:
    """Words of `given` that nothing here reads."""
    yield from sorted((given.model_extra or {}).keys() - DOOR_WORDS)
    for side in SIDES:
        caps = given.caps_of(word_of(side))
        yield from (f"cdc.{name}" for name in sorted(given.cdc_of(word_of(side)).model_extra or {}))
        yield from (f"caps.{name}" for name in sorted(caps.model_extra or {}) if name != "search_lag")


def _store_rules(caps: CapsGiven) -> dict[str, str]:
    """What the system makes of every written text, in the lab's words."""
    written: Any = caps.store
    if written in (None, "none"):
        return {}
    if isinstance(written, dict) and len(written) == 1:
        written = " ".join(f"{word} {value}" for word, value in written.items())
    cut = CUT.fullmatch(str(written))
    rule = f"cut:{cut[1]}" if cut else STORE_RULES.get(str(written))
    if rule is None:
        raise Inexpressible(f"caps.store {written!r}")
    return {"*": rule}
