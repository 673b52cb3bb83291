"""The steps of a sync: load, call the core, save. Safe to run twice, also at once."""
