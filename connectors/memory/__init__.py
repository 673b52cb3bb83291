"""Connector: a system inside the process, for tests."""
