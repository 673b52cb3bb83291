"""Connector: PagerDuty REST v2 and Webhooks v3."""
