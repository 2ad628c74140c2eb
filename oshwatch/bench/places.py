"""Where a run keeps its data: files of its own, or empty databases of servers that the environment names."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import closing
from pathlib import Path
from typing import Final, Literal
from urllib.parse import urlsplit

from ingest_service.database import DatabaseError
from ingest_service.register.store import Register
from ingest_service.series.port import SeriesError
from ingest_service.settings import Settings
from ingest_service.settings import load as load_settings
from ingest_service.stores import influx_of, open_database_as_owner, open_database_of
from oshwatch.administration.migrating import Roles, bring_up_to_date
from oshwatch.bench.servers import BenchError

Place = Literal["sqlite", "influx"]
_OF_SERVERS: Final = ("OSHWATCH_DATABASE_", "OSHWATCH_INFLUX_")
_NEEDED: Final = (
    ("OSHWATCH_DATABASE_URL", "an empty PostgreSQL database of the benchmark's own"),
    ("OSHWATCH_INFLUX_URL", "the InfluxDB server"),
    ("OSHWATCH_INFLUX_TOKEN", "a token that may read and write its bucket (OSHWATCH_INFLUX_BUCKET)"),
)


def settings_of(place: Place, data_dir: Path, port: int, environment: Mapping[str, str]) -> Settings:
    """The settings of a run with a broker on that port. Raises `BenchError` when something is not said."""
    given: dict[str, str] = {}
    if place == "influx":
        given = {name: text for name, text in environment.items() if name.startswith(_OF_SERVERS)}
        for name, what in _NEEDED:
            if not given.get(name) and not given.get(f"{name}_FILE"):
                raise BenchError(f"--series influx needs {name}: {what}")
    told = {"OSHWATCH_DATA_DIR": str(data_dir), "OSHWATCH_MQTT_PORT": str(port)}
    return load_settings(None, {**given, **told})


def times_of(place: Place, runs: int | None) -> int:
    """How many runs: files are made anew for each, a server's databases are filled by one. `BenchError`."""
    if place == "influx" and (runs or 1) > 1:
        raise BenchError("a run fills the servers: one run for each empty database and bucket")
    return runs or (3 if place == "sqlite" else 1)


def prepare(settings: Settings) -> None:
    """Make the schema where the owner's role is known, and see that nothing is there yet.

    A benchmark leaves a whole fleet behind, so what holds anything is refused. Raises `BenchError`.
    """
    if settings.database_url is None:
        return
    try:
        if settings.database_owner_url is not None:
            _make_schema(settings)
        engine = open_database_of(settings)
        try:
            if Register(engine).snapshot().sites:
                raise BenchError(
                    "the database holds factories already; a run needs an empty one, and leaves it filled: "
                    "make a new one for each run"
                )
        finally:
            engine.dispose()
        _refuse_filled_bucket(settings)
    except (DatabaseError, SeriesError) as error:
        raise BenchError(str(error)) from None


def _make_schema(settings: Settings) -> None:
    assert settings.database_url is not None  # noqa: S101 - asked by the caller
    service = urlsplit(settings.database_url.get_secret_value()).username or ""
    owner = open_database_as_owner(settings)
    try:
        bring_up_to_date(owner, Roles(service, ""))
    finally:
        owner.dispose()


def _refuse_filled_bucket(settings: Settings) -> None:
    from ingest_service.series.influx.link import Link  # a second to import

    where = influx_of(settings)
    with closing(Link(where)) as link:
        found = [str(row[0]) for one in link.ask_one("SHOW MEASUREMENTS") for row in one.values]
    if found:
        raise BenchError(
            f"bucket {where.bucket} at {where.url} is not empty ({', '.join(sorted(found)[:3])}); a run "
            "needs an empty one: give it a bucket of its own by OSHWATCH_INFLUX_BUCKET, or empty it with "
            "`oshwatch admin influx-setup --clear`"
        )
