"""What must be right before the service starts; each trouble is one sentence with its way out."""

from ingest_service.settings import Settings


def starting_errors() -> tuple[type[Exception], ...]:
    """The errors whose message alone tells a person what to do; no traceback is shown for them."""
    from ingest_service.auth.server_key import ServerKeyError
    from ingest_service.database import DatabaseError
    from ingest_service.ledger.port import LedgerError
    from ingest_service.series.port import SeriesError

    return (NotPreparedError, DatabaseError, LedgerError, SeriesError, ServerKeyError)


class NotPreparedError(Exception):
    """The data folder holds no register: it was mistyped, or nobody prepared it."""


def prepare(settings: Settings) -> None:
    """Bring every store to its newest schema and make the server key; raises one of `starting_errors`.

    A folder without a register is refused: an empty service without an administrator helps nobody.
    """
    from ingest_service.auth.server_key import FILE_NAME, ServerKey
    from ingest_service.database import FILE_NAME as REGISTER_FILE
    from ingest_service.database import migrate, open_database
    from ingest_service.ledger.sqlite import open_ledger
    from ingest_service.series.sqlite import open_series

    if not (settings.data_dir / REGISTER_FILE).exists():
        raise NotPreparedError(
            f"{settings.data_dir} holds no register. If that is the right folder, prepare it with "
            f"'oshwatch admin init --data-dir {settings.data_dir}'; else mend OSHWATCH_DATA_DIR or data_dir."
        )
    engine = open_database(settings.data_dir)
    try:
        migrate(engine)
    finally:
        engine.dispose()
    ServerKey.load_or_create(settings.data_dir / FILE_NAME)
    open_ledger(settings.data_dir).close()
    open_series(settings.data_dir).close()
