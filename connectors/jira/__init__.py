"""Connector: Jira Cloud REST v2/v3."""
