"""The audit log: append-only rows about changes and about an authority's looks into a factory."""

import threading
from dataclasses import dataclass
from typing import Any, Final

import sqlalchemy as sa

from ingest_service.database import write
from ingest_service.register.entries import Person, Role
from ingest_service.register.schema import AUDIT
from ingest_service.register.store import Register

READ: Final = "site read"
TAKEN: Final = "evidence taken"
_ONCE_IN_S: Final = 3600


@dataclass(frozen=True, slots=True)
class AuditRow:
    """Who did what to what, when."""

    id: int
    at: float
    who: str
    action: str
    object: str
    site: str | None
    detail: dict[str, Any]


class Audit:
    """Writes and lists audit rows; changes of the register write theirs themselves."""

    def __init__(self, register: Register) -> None:
        self._register = register
        self._lock = threading.Lock()
        self._noted: dict[tuple[int, str], int] = {}

    def read(self, person: Person, site: str) -> None:
        """Note that an authority looked into a factory: one row per person, site and hour.

        The committee sees these rows. People who belong to the factory are not noted.
        """
        if person.role is not Role.AUTHORITY:
            return
        at = self._register.now()
        hour = int(at // _ONCE_IN_S)
        with self._lock:
            if self._noted.get((person.id, site)) == hour:
                return
            with write(self._register.engine) as connection:
                begin = hour * _ONCE_IN_S
                query = sa.select(sa.func.count()).where(
                    AUDIT.c.site == site,
                    AUDIT.c.at >= begin,
                    AUDIT.c.at < begin + _ONCE_IN_S,
                    AUDIT.c.who == person.login,
                    AUDIT.c.action == READ,
                )
                if not connection.execute(query).scalar():
                    detail = {"name": person.name, "role": str(person.role)}
                    connection.execute(
                        sa.insert(AUDIT).values(
                            at=at, who=person.login, action=READ, object=site, site=site, detail=detail
                        )
                    )
            self._noted[person.id, site] = hour

    def taken(self, person: Person, site: str, start: float, end: float) -> None:
        """Note that somebody, whoever it is, took a bundle of a factory's evidence away."""
        detail = {"name": person.name, "role": str(person.role), "start": start, "end": end}
        with write(self._register.engine) as connection:
            connection.execute(
                sa.insert(AUDIT).values(
                    at=self._register.now(),
                    who=person.login,
                    action=TAKEN,
                    object=site,
                    site=site,
                    detail=detail,
                )
            )

    def rows(
        self, *, site: str | None = None, action: str | None = None, who: str | None = None, limit: int = 100
    ) -> list[AuditRow]:
        """The newest rows, of one site, one action or one person if given."""
        query = sa.select(AUDIT).order_by(AUDIT.c.id.desc()).limit(limit)
        if site is not None:
            query = query.where(AUDIT.c.site == site)
        if action is not None:
            query = query.where(AUDIT.c.action == action)
        if who is not None:
            query = query.where(AUDIT.c.who == who)
        with self._register.engine.connect() as connection:
            return [AuditRow(**row) for row in connection.execute(query).mappings()]

    def who_looked(self, site: str, limit: int = 20) -> list[AuditRow]:
        """The newest looks of authorities into a factory."""
        return self.rows(site=site, action=READ, limit=limit)
