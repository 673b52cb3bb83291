"""Text merges three-way by line, as diff3 does, and gives up where the edits overlap or touch.

Idea: Khanna, Kunal and Pierce, "A Formal Investigation of Diff3", 2007. No merge marker ever reaches a ticket.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher

LONGEST = 2_000
"""Lines of one text beyond which the comparison, quadratic at worst, isn't tried."""


@dataclass(frozen=True, slots=True)
class Hunk:
    """Lines `start` up to `end` of the base are replaced by `lines`."""

    start: int
    end: int
    lines: tuple[str, ...]

    def touches(self, other: Hunk) -> bool:
        return self.start <= other.end and other.start <= self.end


def merge_texts(base: str, a: str, b: str, ignore: Callable[[str], str] = str) -> str | None:
    """The text with both sides' edits, or None where they overlap or touch.

    Args:
        base: What both sides last had in common.
        a: One side's text.
        b: The other's; swapping them changes nothing.
        ignore: The normal form of a line: what a comparison of lines doesn't see.
    """
    lines = base.split("\n")
    texts = (lines, a.split("\n"), b.split("\n"))
    if max(len(text) for text in texts) > LONGEST:
        return None
    hunks = [_hunks(lines, text, ignore) for text in texts[1:]]
    alone = [hunk for hunk in hunks[0] if hunk not in hunks[1]]
    if any(one.touches(other) for one in alone for other in hunks[1]):
        return None
    if any(one.touches(other) for one in hunks[1] if one not in hunks[0] for other in hunks[0]):
        return None
    return "\n".join(_applied(lines, sorted([*alone, *hunks[1]], key=lambda hunk: hunk.start)))


def _hunks(base: Sequence[str], text: Sequence[str], ignore: Callable[[str], str]) -> list[Hunk]:
    seen, seen_now = ([ignore(line) for line in lines] for lines in (base, text))
    matcher = SequenceMatcher(None, seen, seen_now, autojunk=False)
    return [
        Hunk(start, end, tuple(text[first:last]))
        for tag, start, end, first, last in matcher.get_opcodes()
        if tag != "equal"
    ]


def _applied(base: Sequence[str], hunks: Sequence[Hunk]) -> list[str]:
    merged: list[str] = []
    at = 0
    for hunk in hunks:
        merged += [*base[at : hunk.start], *hunk.lines]
        at = hunk.end
    return [*merged, *base[at:]]
