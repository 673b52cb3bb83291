"""Every place at which a process can die, and what must be so afterwards. Production code knows nothing of it."""
