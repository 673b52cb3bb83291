"""Chaos with whole processes: many seeded lives at once on one shared stack, told by whoever stands outside it."""
