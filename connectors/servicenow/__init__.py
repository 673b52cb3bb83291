"""Connector: ServiceNow Table API."""
