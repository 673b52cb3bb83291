"""A simulated PagerDuty account: incidents, their log, signed webhooks. Nothing is ever deleted."""
