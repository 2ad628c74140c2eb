"""Opening the stores that the settings name: SQLite files in the data directory, or the servers.

The one place that knows which engine is in use. What it hands out is open and of the newest schema.
"""

from __future__ import annotations

from pathlib import Path

import sqlalchemy as sa

from ingest_service.auth.server_key import FILE_NAME as KEY_NAME
from ingest_service.auth.server_key import ServerKey, ServerKeyError
from ingest_service.database import DatabaseError, check_schema, migrate, open_database
from ingest_service.leases import Fence, no_fence
from ingest_service.ledger.port import Ledger
from ingest_service.ledger.sqlite import open_ledger
from ingest_service.series.influx.where import Where
from ingest_service.series.port import SeriesStore
from ingest_service.series.sqlite import open_series
from ingest_service.server_database import open_server
from ingest_service.settings import Settings


def open_database_of(settings: Settings, *, must_exist: bool = False) -> sa.Engine:
    """The register's and the cases' database, of this program's schema. Raises DatabaseError.

    A SQLite file is brought to the newest schema here; a server's schema changes by `oshwatch admin migrate`
    only, and another one than this program's is refused. `must_exist` refuses to make a SQLite file.
    """
    if settings.database_url is not None:
        engine = open_database(settings.database_url.get_secret_value())
    else:
        engine = open_database(settings.data_dir, must_exist=must_exist)
    try:
        if settings.database_url is not None:
            check_schema(engine)
        else:
            migrate(engine)
    except BaseException:
        engine.dispose()
        raise
    return engine


def open_database_as_owner(settings: Settings) -> sa.Engine:
    """The server's database with the role that owns it, whatever schema it has. Raises DatabaseError.

    For `oshwatch admin migrate` and what fills a database; the service itself never holds these rights.
    """
    if settings.database_owner_url is None:
        raise DatabaseError(
            "Say who owns the database: set database_owner_url, or OSHWATCH_DATABASE_OWNER_URL_FILE, the "
            "path of a file with it."
        )
    return open_server(settings.database_owner_url.get_secret_value(), idle_s=0)


def open_ledger_of(settings: Settings, *, read_only: bool = False) -> Ledger:
    """The ledger, made when it is a file that is not there. Raises LedgerError."""
    if settings.database_url is not None:
        from ingest_service.ledger.postgres import open_server_ledger

        return open_server_ledger(settings.database_url.get_secret_value(), read_only=read_only)
    return open_ledger(settings.data_dir, read_only=read_only)


def open_series_of(
    settings: Settings,
    *,
    read_only: bool = False,
    shard: int | None = None,
    fence: Fence = no_fence,
) -> SeriesStore:
    """The series: all of it, or one shard's (ingest_service/shards.py). Raises SeriesError.

    With `read_only` only what `SeriesReader` lists may be called. `fence` is called at the beginning of each
    writing transaction in the database beside InfluxDB (ingest_service/leases.py); a file has one writer.
    """
    if settings.influx_url is not None:
        from ingest_service.series.influx.store import open_influx_series  # a second to import

        return open_influx_series(
            influx_of(settings), state_of(settings), shard=shard, read_only=read_only, fence=fence
        )
    if shard is not None:
        raise ValueError("a SQLite series is not divided into shards")
    return open_series(settings.data_dir, read_only=read_only)


def influx_of(settings: Settings) -> Where:
    """The InfluxDB that the settings name."""
    token = "" if settings.influx_token is None else settings.influx_token.get_secret_value()
    return Where(str(settings.influx_url).rstrip("/"), settings.influx_org, settings.influx_bucket, token)


def state_of(settings: Settings) -> Path | str:
    """Where the bookkeeping beside InfluxDB is: in the database, or without one in a file of its own."""
    return settings.data_dir if settings.database_url is None else settings.database_url.get_secret_value()


def open_server_key_of(settings: Settings, *, create: bool = False) -> ServerKey:
    """The server's own key. Raises ServerKeyError.

    In the data directory it is made when it is not there. At a place of its own (`server_key_file`) it has to
    be there already, unless `create`: a mistyped path must not make a key that no gateway trusts.
    """
    path = settings.server_key_file
    if path is None:
        return ServerKey.load_or_create(settings.data_dir / KEY_NAME)
    if not create and not path.exists():
        raise ServerKeyError(
            f"There is no server key at {path}. Mend server_key_file; or let `oshwatch admin init` make one, "
            "if this installation never had any: gateways trust the key they were given and no other."
        )
    return ServerKey.load_or_create(path)
