"""What the judge is worth: each line of the protocol that is broken on purpose is seen within a few lives."""

import pytest

from activities.rulebook import RuleBook
from lab.chaos.breaks import BREAKS, broken
from lab.chaos.check import TELLS, check, class_of
from lab.chaos.live import in_memory, live

SEEDS = range(1, 61)
SEEN = {"overtaken": "I2", "unnamed": "I2", "twice": "I6", "unseen": "I2", "blind": "I2"}


async def found(name: str | None) -> set[str]:
    """Invariants broken where every side can tell."""
    rules, seen = RuleBook(), set[str]()
    with broken(name):
        for seed in SEEDS:
            lines = await live(*in_memory(rules), seed)
            seen |= {one.invariant for one in check(lines) if class_of(lines[0]) == TELLS}
    return seen


@pytest.mark.parametrize("name", SEEN)
async def test_a_broken_line_of_the_protocol_is_seen(name: str) -> None:
    assert SEEN[name] in await found(name)


async def test_the_whole_protocol_keeps_every_promise_in_the_same_lives() -> None:
    assert await found(None) == set()


def test_every_break_says_what_it_breaks() -> None:
    assert set(SEEN) < set(BREAKS)
    assert all(hasattr(one.place, one.name) and one.says for one in BREAKS.values())
