"""The state store: PostgreSQL through SQLAlchemy Core. SQL nowhere else."""
