"""Declarations, one YAML file per integration, and their loader."""
