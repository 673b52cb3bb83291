"""The store in memory: what PostgreSQL answers to the statements of `store/` that a pass uses, at a hundredth of the cost."""
