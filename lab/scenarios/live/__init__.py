"""The scenario corpus against the real product: worker, gateway, PostgreSQL, Temporal and two systems over HTTP."""
