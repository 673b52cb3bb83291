"""One folder per system: it knows HTTP and nothing of sync."""
