"""``oshwatch admin move``: what one box has gathered goes to a server; both sides are compared."""

from __future__ import annotations

import tempfile
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from oshwatch.administration.backup import bar, mistakes, program_version
from oshwatch.administration.migrating import GRAFANA_ROLE, GrafanaRole, Roles, bring_up_to_date
from oshwatch.administration.shell import AsJson, answer, fail, process_lives

if TYPE_CHECKING:
    import sqlalchemy as sa

    from ingest_service.backup.comparing import Compared


def move(
    to: Annotated[
        Path,
        typer.Option("--to-database-url-file", help="File with the address of the new database (owner)."),
    ],
    data_dir: Annotated[
        Path, typer.Option("--data-dir", envvar="OSHWATCH_DATA_DIR", help="Data directory of the one box.")
    ],
    service_role: Annotated[
        str, typer.Option(help="Role that the service will have there.")
    ] = "oshwatch_service",
    grafana_role: GrafanaRole = GRAFANA_ROLE,
    compare_only: Annotated[
        bool, typer.Option("--compare", help="Only compare; for a move that was filled but not compared.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Move a one-box installation into the empty PostgreSQL database of a server.

    Stop the service first. The data directory is only read. The database is filled in one transaction: a move
    that was broken off left nothing there and can be started again. Then every table is compared row by row
    on both sides, and the chain of the ledger is worked out anew from the bytes in the new database.
    """
    from ingest_service.backup.archive import Archive
    from ingest_service.backup.checking import check
    from ingest_service.backup.comparing import compare
    from ingest_service.backup.making import make_backup
    from ingest_service.backup.putting_back import restore_database
    from ingest_service.backup.stores import Stores, stores_of_folder
    from ingest_service.stores import open_server_key_of

    with mistakes():
        _refuse_while_running(data_dir)
        target = _target(to)
        source = stores_of_folder(data_dir)
        try:
            done = [] if compare_only else bring_up_to_date(target, Roles(service_role, grafana_role))
            if not compare_only:
                with tempfile.TemporaryDirectory(prefix=".move-", dir=data_dir) as folder:
                    file = Path(folder) / "archive.zip"
                    key = open_server_key_of(_settings(data_dir))
                    with bar("Copying", as_json) as progress:
                        now = datetime.now(UTC).timestamp()
                        make_backup(source, file, keys={}, key_id=_key_id(key), files={},
                                    program=program_version(), now=now, progress=progress)  # fmt: skip
                    archive = Archive(file)
                    try:
                        with bar("Checking", as_json) as progress:
                            check(archive, progress)
                        with bar("Filling", as_json) as progress:
                            restore_database(archive, target, progress)
                    finally:
                        archive.close()
            with bar("Comparing", as_json) as progress:
                compared = compare(source, Stores(target, target), progress)
        finally:
            source.close()
            target.dispose()
    if compared.wrong:
        raise fail("the two sides differ, do not use the new database: " + "; ".join(compared.wrong))
    _tell(compared, done, data_dir, as_json)


def _settings(data_dir: Path) -> Any:
    from ingest_service.settings import Settings

    return Settings(data_dir=data_dir)


def _key_id(key: Any) -> str:
    from osh_domain.signing import key_id

    return key_id(key.public_key)


def _refuse_while_running(data_dir: Path) -> None:
    from ingest_service.heartbeat import read_all

    for name, beat in sorted(read_all(data_dir).items()):
        if process_lives(beat.pid):
            raise fail(f"the {name} runner still runs (process {beat.pid}); stop the service, then try again")


def _target(file: Path) -> sa.Engine:
    from pydantic import SecretStr

    from ingest_service.secret_settings import database_address, read_secret
    from ingest_service.server_database import open_server

    found = read_secret("--to-database-url-file", file, "command line")
    if not isinstance(found, str):
        raise fail(str(found))
    try:
        address = database_address(SecretStr(found))
    except ValueError as error:
        raise fail(f"{file}: {error}") from None
    return open_server(address.get_secret_value(), idle_s=0)


def _tell(compared: Compared, done: list[str], data_dir: Path, as_json: bool) -> None:
    lines = [*done, "The same on both sides:"]
    lines += [f"  {name:<28} {rows:>12,} rows" for name, rows in compared.rows.items() if rows]
    lines.append(f"The chain of the ledger, worked out anew there: row {compared.row:,}, {compared.row_hash}")
    if compared.broken:
        lines.append(f"Before the move already, row {compared.broken[0]} did not follow from the one before.")
    following = [
        f"Copy {data_dir / 'server.key'} to the server, named in server_key_file: gateways trust it alone.",
        "Set database_url there (and influx_url), start the service: the projector makes the series again.",
        f"Keep {data_dir} until you have seen the pages; nothing in it was changed.",
    ]
    lines += [f"Next: {line}" for line in following]
    facts = {"rows": compared.rows, "last_row": compared.row, "row_hash": compared.row_hash}
    answer({**facts, "broken_rows": compared.broken, "next": following}, as_json, lines)
