"""Run by Alembic. The connection, with its transaction, comes from `ingest_service.database.migrate`."""

from alembic import context

from ingest_service.database import METADATA

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=METADATA,
    render_as_batch=True,
)
with context.begin_transaction():
    context.run_migrations()
