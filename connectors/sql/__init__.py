"""Connector: tables of a PostgreSQL database, and its log."""
