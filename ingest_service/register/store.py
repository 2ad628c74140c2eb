"""The register in the database: read as a snapshot, written through audited changes."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import time as wall_time
from typing import Any, Final, TypeVar

import sqlalchemy as sa

from ingest_service.database import write
from ingest_service.register import schema
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
from ingest_service.register.snapshot import RegisterSnapshot
from osh_domain.shifts import Shift

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

    def snapshot(self) -> RegisterSnapshot:
        """The register as it is, at most a second old; the same object until something changes."""
        with self._lock:
            if self._held is not None and time.monotonic() - self._checked < CHECK_AFTER_S:
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


def read_version(connection: sa.Connection) -> int:
    """The number that grows with every change of the register."""
    return int(connection.execute(sa.select(schema.VERSION.c.version)).scalar_one())


def _read(connection: sa.Connection, version: int) -> RegisterSnapshot:
    return RegisterSnapshot(
        version=version,
        sites=_entries(connection, schema.SITES, Site),
        zones=_entries(connection, schema.ZONES, Zone),
        gateways=_entries(connection, schema.GATEWAYS, Gateway),
        keys=_entries(connection, schema.GATEWAY_KEYS, GatewayKey),
        placements=_entries(connection, schema.PLACEMENTS, Placement),
        expected=_entries(connection, schema.EXPECTED_CHANNELS, ExpectedChannel),
        foreign_names=_entries(connection, schema.FOREIGN_NAMES, ForeignName),
        shifts=[
            (str(row["site"]), shift_of(row))
            for row in connection.execute(sa.select(schema.SHIFTS).order_by(schema.SHIFTS.c.id)).mappings()
        ],
        people=_people(connection),
        contacts=_entries(connection, schema.CONTACTS, Contact, schema.CONTACTS.c.active),
    )


def shift_of(row: sa.RowMapping) -> Shift:
    """A row of `shifts` as the calendar's record."""
    return Shift(
        name=row["name"],
        start=row["start"],
        end=row["end"],
        days=frozenset(int(day) for day in row["days"]),
        breaks=tuple(
            (wall_time.fromisoformat(begin), wall_time.fromisoformat(end)) for begin, end in row["breaks"]
        ),
        valid_from=row["valid_from"],
        valid_to=row["valid_to"],
    )


def _people(connection: sa.Connection) -> list[Person]:
    rows = connection.execute(sa.select(schema.PERSONS)).mappings()
    return [Person(**{**row, "role": Role(row["role"])}) for row in rows]


def _entries(
    connection: sa.Connection,
    table: sa.Table,
    entry: Callable[..., _Entry],
    only: sa.ColumnElement[bool] | None = None,
) -> list[_Entry]:
    fields: tuple[str, ...] = tuple(_fields(entry))
    query = sa.select(*(table.c[field] for field in fields))
    if only is not None:
        query = query.where(only)
    return [entry(*row) for row in connection.execute(query)]


def _fields(entry: Any) -> list[str]:
    return list(entry.__dataclass_fields__)
