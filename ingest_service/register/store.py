"""The register in the database: read as a snapshot, written through audited changes."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Final, TypeVar

import sqlalchemy as sa

from ingest_service.database import write
from ingest_service.register import schema
from ingest_service.register.calendar_rows import read_exceptions, shift_of
from ingest_service.register.changes import Change
from ingest_service.register.entries import (
    Contact,
    ExpectedChannel,
    ForeignName,
    Gateway,
    GatewayKey,
    Person,
    Placement,
    Role,
    Site,
    Zone,
)
from ingest_service.register.place_changes import FACTS
from ingest_service.register.snapshot import RegisterSnapshot

CHECK_AFTER_S: Final = 1.0

_Entry = TypeVar("_Entry")


class Register:
    """Reads and writes of the register. Safe to share between threads.

    `now` gives the instant that changes are dated with; the service passes its clock's.
    """

    def __init__(self, engine: sa.Engine, now: Callable[[], float] = time.time) -> None:
        self.engine = engine
        self.now = now
        self._lock = threading.Lock()
        self._held: RegisterSnapshot | None = None
        self._checked = 0.0

    def snapshot(self, *, fresh: bool = False) -> RegisterSnapshot:
        """The register as it is, at most a second old (`fresh`: as it is now); the same object until
        something changes."""
        with self._lock:
            if not fresh and self._held is not None and time.monotonic() - self._checked < CHECK_AFTER_S:
                return self._held
            self._checked = time.monotonic()
            with self.engine.connect() as connection:
                version = read_version(connection)
                if self._held is None or self._held.version != version:
                    self._held = _read(connection, version)
            return self._held

    @contextmanager
    def change(self, who: str) -> Iterator[Change]:
        """One transaction of changes by `who`: all of them, their audit rows and a new version, or none."""
        with write(self.engine) as connection:
            change = Change(connection, who, self.now())
            yield change
            if change.made:
                connection.execute(sa.update(schema.VERSION).values(version=schema.VERSION.c.version + 1))
        with self._lock:
            self._checked = 0.0

    @contextmanager
    def rehearse(self, who: str = "") -> Iterator[Change]:
        """The same transaction, always undone at the end: to see what a change would do."""
        with write(self.engine) as connection:
            undone = connection.begin_nested()
            try:
                yield Change(connection, who, self.now())
            finally:
                undone.rollback()


def read_version(connection: sa.Connection) -> int:
    """The number that grows with every change of the register."""
    return int(connection.execute(sa.select(schema.VERSION.c.version)).scalar_one())


def _read(connection: sa.Connection, version: int) -> RegisterSnapshot:
    history = _zone_history(connection)
    return RegisterSnapshot(
        version=version,
        sites=_entries(connection, schema.SITES, Site),
        zones={zone.id: zone for _, zone in history}.values(),
        zone_history=history,
        gateways=_entries(connection, schema.GATEWAYS, Gateway),
        keys=_entries(connection, schema.GATEWAY_KEYS, GatewayKey),
        placements=_entries(connection, schema.PLACEMENTS, Placement),
        expected=_entries(connection, schema.EXPECTED_CHANNELS, ExpectedChannel),
        foreign_names=_entries(connection, schema.FOREIGN_NAMES, ForeignName),
        shifts=[
            (str(row["site"]), shift_of(row))
            for row in connection.execute(sa.select(schema.SHIFTS).order_by(schema.SHIFTS.c.id)).mappings()
        ],
        exceptions=read_exceptions(connection),
        people=_people(connection),
        contacts=_entries(connection, schema.CONTACTS, Contact, schema.CONTACTS.c.active),
    )


def _zone_history(connection: sa.Connection) -> list[tuple[float, Zone]]:
    """(valid_from, zone with the facts of then), oldest first."""
    zones, facts = schema.ZONES, schema.ZONE_FACTS
    own = ("id", "site", "name", "kind")
    query = (
        sa.select(facts.c.valid_from, *(zones.c[name] for name in own), *(facts.c[name] for name in FACTS))
        .join_from(facts, zones, facts.c.zone == zones.c.id)
        .order_by(facts.c.valid_from)
    )
    rows = connection.execute(query).mappings()
    return [(row["valid_from"], Zone(**{name: row[name] for name in (*own, *FACTS)})) for row in rows]


def _people(connection: sa.Connection) -> list[Person]:
    rows = connection.execute(sa.select(schema.PERSONS).order_by(schema.PERSONS.c.id)).mappings()
    return [Person(**{**row, "role": Role(row["role"])}) for row in rows]


def _entries(
    connection: sa.Connection,
    table: sa.Table,
    entry: Callable[..., _Entry],
    only: sa.ColumnElement[bool] | None = None,
) -> list[_Entry]:
    fields: tuple[str, ...] = tuple(_fields(entry))
    query = sa.select(*(table.c[field] for field in fields)).order_by(*table.primary_key.columns)
    if only is not None:
        query = query.where(only)
    return [entry(*row) for row in connection.execute(query)]


def _fields(entry: Any) -> list[str]:
    return list(entry.__dataclass_fields__)
