"""A plain system: JSON over HTTP, any field, its capabilities to be switched on and off."""
