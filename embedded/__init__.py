"""The one-machine default: PostgreSQL and Temporal as owned child processes."""
