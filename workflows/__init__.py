"""Deterministic orchestration: the pair's life, and per-integration variants beside it."""
