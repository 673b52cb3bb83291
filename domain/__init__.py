"""The core: what changed, what conflicts, who wins. Pure: no clock, network, database, Temporal or randomness."""
