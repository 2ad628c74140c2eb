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

    A folder without a register is refused: an empty service without an administrator helps nobody. In the
    server shape each runner waits for its servers by itself.
    """
    from ingest_service.database import FILE_NAME as REGISTER_FILE
    from ingest_service.stores import (
        open_database_of,
        open_ledger_of,
        open_series_of,
        open_server_key_of,
    )

    if settings.database_url is not None:
        open_server_key_of(settings)
        return
    if not (settings.data_dir / REGISTER_FILE).exists():
        raise NotPreparedError(
            f"{settings.data_dir} holds no register. If that is the right folder, prepare it with "
            f"'oshwatch admin init --data-dir {settings.data_dir}'; else mend OSHWATCH_DATA_DIR or data_dir."
        )
    open_database_of(settings).dispose()
    open_server_key_of(settings)
    open_ledger_of(settings).close()
    open_series_of(settings).close()
