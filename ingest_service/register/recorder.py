"""Writing rows of the register together with their audit rows, in one transaction."""

from dataclasses import dataclass
from typing import Any, TypeAlias

import sqlalchemy as sa

from ingest_service.register import schema

Json: TypeAlias = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Recorded:
    """One change as the audit log has it."""

    action: str
    what: str
    site: str | None
    detail: Json


class ChangeRefused(Exception):  # noqa: N818 - the noun that callers read
    """The change would break what must hold; the message says which and what to do instead."""


class Recorder:
    """A transaction of changes made by `who` at the instant `at`; `entries` are those made so far."""

    def __init__(self, connection: sa.Connection, who: str, at: float) -> None:
        self.connection = connection
        self.who = who
        self.at = at
        self.entries: list[Recorded] = []

    @property
    def made(self) -> int:
        """The number of changes made so far."""
        return len(self.entries)

    def record(self, action: str, what: str, site: str | None = None, **detail: Any) -> None:
        """Write an audit row; details never hold secrets."""
        self.entries.append(Recorded(action, what, site, detail))
        self.connection.execute(
            sa.insert(schema.AUDIT).values(
                at=self.at, who=self.who, action=action, object=what, site=site, detail=detail
            )
        )

    def _put(self, table: sa.Table, key: Json, values: Json, noun: str, what: str, site: str | None) -> None:
        held = self._one(table, **key)
        if held is None:
            self.connection.execute(sa.insert(table).values(**values))
            self.record(f"{noun} added", what, site, after=values)
            return
        before = {name: held[name] for name, value in values.items() if held[name] != value}
        if before:
            self._update(table, key, values)
            after = {name: values[name] for name in before}
            self.record(f"{noun} changed", what, site, before=before, after=after)

    def _one(self, table: sa.Table, **key: Any) -> sa.RowMapping | None:
        return self.connection.execute(sa.select(table).where(*_where(table, key))).mappings().one_or_none()

    def _update(self, table: sa.Table, key: Json, values: Json) -> None:
        self.connection.execute(sa.update(table).where(*_where(table, key)).values(**values))

    def _dated(self, table: sa.Table, **key: Any) -> list[sa.RowMapping]:
        query = sa.select(table).where(*_where(table, key)).order_by(table.c.valid_from)
        return list(self.connection.execute(query).mappings())

    def _site_of(self, gateway: str) -> str | None:
        held = self._one(schema.GATEWAYS, id=gateway)
        return None if held is None else str(held["site"])


def _where(table: sa.Table, key: Json) -> list[sa.ColumnElement[bool]]:
    return [table.c[name] == value for name, value in key.items()]
