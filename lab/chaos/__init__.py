"""Chaos: seeded random lives of a pair, recorded as histories that an independent checker judges (docs/chaos.md)."""
