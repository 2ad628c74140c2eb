"""Alembic's migrations of the register and the cases; `ingest_service.database.migrate` runs them."""
