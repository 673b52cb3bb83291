"""Python's cyclic garbage collector, set for a long-lived process with many live objects.

Its defaults look at the young objects after every 700 allocations, and at all of them whenever a quarter is new: with
thousands of cached workflows a tenth of a worker's processor time, and pauses that grow with the cache (measured).
"""

from __future__ import annotations

import gc

THRESHOLDS = 20_000, 20, 50
"""Allocations until the young are looked at; then how many such looks until the next older generation is."""


def look_less_often() -> None:
    """Call it once, with all modules loaded: what lives now lives for ever, and isn't looked at again."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(*THRESHOLDS)
