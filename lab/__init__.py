"""Simulated systems, scenarios, demo and bench. Never used by production code."""
