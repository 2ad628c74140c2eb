"""Reading and writing the tables beside InfluxDB that stand for themselves."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import sqlalchemy as sa

from ingest_service.series.clocks import GatewayClock
from ingest_service.series.feed import CHANGE
from ingest_service.series.influx.session import Session
from ingest_service.series.influx.state import put, put_least
from ingest_service.series.influx.tables import (
    ANCHORS,
    CLOCKS,
    CURSORS,
    DESCRIPTIONS,
    DIRTY,
    DOCUMENTS,
    HELD,
    PLACED_SERIALS,
    RECOMPUTATIONS,
    RETAKES,
    UNFINISHED,
    WHOLE,
)
from ingest_service.series.port import Anchor, HeldBatch, Recompute, Retake, Unfinished, Waiting

_AT_ONCE = 5000
_ACROSS_SHARDS: dict[str, Callable[..., Any]] = {"ledger": sa.func.min, CHANGE: sa.func.sum}
"""How a reader of all shards sees a cursor: it is as far as the slowest, and anything new anywhere is new."""


class Bookkeeping:
    """The part of the store that InfluxDB has nothing to do with."""

    def __init__(self, session: Session) -> None:
        self._session = session

    @contextmanager
    def transaction(self) -> Iterator[None]:
        with self._session.transaction():
            yield

    def _rows(self, query: sa.Select[Any]) -> list[tuple[Any, ...]]:
        with self._session.sql() as connection:
            return [tuple(row) for row in connection.execute(query)]

    def _put(self, table: sa.Table, rows: Iterable[dict[str, Any]], *, keep: bool = False) -> None:
        found = [{"shard": self._session.number, **row} for row in rows]
        with self._session.transaction() as work:
            put(work.connection, table, found, keep=keep)

    def _delete(self, table: sa.Table, keys: list[dict[str, Any]]) -> None:
        """Delete the rows that have all of a key's values."""
        if not keys:
            return
        where = [table.c.shard == self._session.number]
        where += [table.c[name] == sa.bindparam(f"its_{name}") for name in keys[0]]
        values = [{f"its_{name}": value for name, value in key.items()} for key in keys]
        with self._session.transaction() as work:
            work.connection.execute(sa.delete(table).where(*where), values)

    # Cursors

    def cursor(self, name: str) -> int:
        with self._session.sql() as connection:
            return self.cursor_in(connection, name)

    def cursor_in(self, connection: sa.Connection, name: str) -> int:
        if self._session.shard is None:
            of_all = _ACROSS_SHARDS.get(name, sa.func.max)
            query = sa.select(of_all(CURSORS.c.value)).where(CURSORS.c.name == name)
        else:
            query = sa.select(CURSORS.c.value).where(CURSORS.c.name == name, self._session.mine(CURSORS))
        return int(connection.execute(query).scalar() or 0)

    def cursors(self, name: str) -> dict[int | None, int]:
        t = CURSORS.c
        rows = self._rows(sa.select(t.shard, t.value).where(t.name == name, self._session.mine(CURSORS)))
        return {None if shard == WHOLE else shard: value for shard, value in rows}

    def set_cursor(self, name: str, value: int) -> None:
        with self._session.transaction() as work:
            self.put_cursor(work.connection, name, value)

    def put_cursor(self, connection: sa.Connection, name: str, value: int) -> None:
        put(connection, CURSORS, [{"shard": self._session.number, "name": name, "value": value}])

    # What is to be done

    def take_dirty(self, limit: int, *, newest: bool = False) -> list[tuple[int, int]]:
        order = [DIRTY.c.minute, DIRTY.c.channel]
        query = sa.select(DIRTY.c.channel, DIRTY.c.minute).where(self._session.mine(DIRTY)).limit(limit)
        rows = self._rows(query.order_by(*(one.desc() for one in order) if newest else order))
        return [(channel, minute) for channel, minute in rows]

    def clear_dirty(self, pairs: Iterable[tuple[int, int]]) -> None:
        some = [{"channel": channel, "minute": minute} for channel, minute in pairs]
        for start in range(0, len(some), _AT_ONCE):
            self._delete(DIRTY, some[start : start + _AT_ONCE])

    def add_unfinished(self, spans: Iterable[Unfinished]) -> None:
        self._put(UNFINISHED, (one._asdict() for one in spans), keep=True)

    def unfinished(self, until: int, limit: int) -> list[Unfinished]:
        t = UNFINISHED.c
        query = sa.select(t.width, t.channel, t.first, t.last).where(self._session.mine(UNFINISHED))
        query = query.where(t.last <= until).order_by(t.last, t.width, t.channel, t.first).limit(limit)
        return [Unfinished(*row) for row in self._rows(query)]

    def remove_unfinished(self, spans: Iterable[Unfinished]) -> None:
        self._delete(UNFINISHED, [one._asdict() for one in spans])

    def recomputations(self) -> list[Recompute]:
        t = RECOMPUTATIONS.c
        query = sa.select(t.zone, t.first, t.last, t.cause).where(self._session.mine(RECOMPUTATIONS))
        return [Recompute(*row) for row in self._rows(query.order_by(t.zone, t.first))]

    def set_recomputation(self, zone: str, ranges: Iterable[Recompute]) -> None:
        with self._session.transaction():
            self._delete(RECOMPUTATIONS, [{"zone": zone}])
            self._put(RECOMPUTATIONS, (one._asdict() for one in ranges))

    # Batches that wait for an anchor

    def hold(self, batches: Iterable[HeldBatch]) -> None:
        self._put(HELD, (one._asdict() for one in batches))

    def release(self, rows: Iterable[int]) -> None:
        self._delete(HELD, [{"row": row} for row in rows])

    def held_rows(self, gateway: str, boot: str) -> list[int]:
        query = sa.select(HELD.c.row).where(HELD.c.gateway == gateway, HELD.c.boot == boot)
        return [row for (row,) in self._rows(query.where(self._session.mine(HELD)).order_by(HELD.c.row))]

    def held(self) -> list[Waiting]:
        t = HELD.c
        query = sa.select(t.gateway, t.boot, sa.func.count(), sa.func.min(t.received_at))
        query = query.where(self._session.mine(HELD)).group_by(t.gateway, t.boot).order_by(t.gateway, t.boot)
        return [Waiting(*row) for row in self._rows(query)]

    def add_anchors(self, gateway: str, boot: str, anchors: Iterable[Anchor]) -> None:
        self._put(ANCHORS, ({"gateway": gateway, "boot": boot, **one._asdict()} for one in anchors))

    def anchors(self, gateway: str, boot: str) -> list[Anchor]:
        t = ANCHORS.c
        query = sa.select(t.mono, t.utc, t.err).where(t.gateway == gateway, t.boot == boot)
        return [Anchor(*r) for r in self._rows(query.where(self._session.mine(ANCHORS)).order_by(t.mono))]

    # Clocks of gateways

    def gateway_clock(self, gateway: str, boot: str) -> GatewayClock | None:
        found = self._clocks(CLOCKS.c.gateway == gateway, CLOCKS.c.boot == boot)
        return found[0] if found else None

    def set_gateway_clock(self, clock: GatewayClock) -> None:
        with self._session.transaction() as work:
            self._put(CLOCKS, [clock._asdict()])
            if clock.wrong_since is None:
                mine = (CLOCKS.c.shard == self._session.number) & (CLOCKS.c.gateway == clock.gateway)
                work.connection.execute(sa.update(CLOCKS).where(mine).values(wrong_since=None))

    def wrong_clocks(self) -> list[GatewayClock]:
        return self._clocks(CLOCKS.c.wrong_since.is_not(None))

    def _clocks(self, *where: sa.ColumnElement[bool]) -> list[GatewayClock]:
        columns = [CLOCKS.c[name] for name in GatewayClock._fields]
        query = sa.select(*columns).where(self._session.mine(CLOCKS), *where)
        return [GatewayClock(*r) for r in self._rows(query.order_by(CLOCKS.c.gateway, CLOCKS.c.wrong_since))]

    # What the projector must take again

    def first_rows(self, gateway: str) -> dict[str, int]:
        t = DOCUMENTS.c
        query = sa.select(t.document, t.row).where(t.gateway == gateway, self._session.mine(DOCUMENTS))
        return {str(document): int(row) for document, row in self._rows(query.order_by(t.document))}

    def note_first_rows(self, rows: Iterable[tuple[str, str, int]]) -> None:
        number = self._session.number
        found = [{"shard": number, "gateway": g, "document": d, "row": row} for g, d, row in rows]
        with self._session.transaction() as work:
            put_least(work.connection, DOCUMENTS, "row", found)

    def placed_serials(self) -> dict[str, str]:
        t = PLACED_SERIALS
        rows = self._rows(sa.select(t.c.gateway, t.c.text).where(self._session.mine(t)))
        return {str(gateway): str(text) for gateway, text in rows}

    def set_placed_serials(self, gateway: str, text: str) -> None:
        self._put(PLACED_SERIALS, [{"gateway": gateway, "text": text}])

    def retakes(self) -> list[Retake]:
        t = RETAKES.c
        query = sa.select(t.gateway, t.row, t.last).where(self._session.mine(RETAKES)).order_by(t.gateway)
        return [Retake(*row) for row in self._rows(query)]

    def set_retake(self, retake: Retake) -> None:
        with self._session.transaction():
            self._delete(RETAKES, [{"gateway": retake.gateway}])
            if retake.row <= retake.last:
                self._put(RETAKES, [retake._asdict()])

    # With which register a zone was computed

    def description(self, zone: str) -> str | None:
        t = DESCRIPTIONS
        found = self._rows(sa.select(t.c.text).where(t.c.zone == zone, self._session.mine(t)))
        return str(found[0][0]) if found else None

    def set_description(self, zone: str, text: str) -> None:
        self._put(DESCRIPTIONS, [{"zone": zone, "text": text}])
