"""Channels: their numbers and newest readings in SQL, and how a number is told in tags."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import sqlalchemy as sa

from ingest_service.series.influx import ql
from ingest_service.series.influx.lines import series_key, tag
from ingest_service.series.influx.link import Series
from ingest_service.series.influx.session import Session
from ingest_service.series.influx.tables import CHANNELS
from ingest_service.series.port import ChannelEntry, PointRow, SeriesError, TextRow

GROUP = "gateway, sensor, quantity"
_CHANNELS_AT_ONCE = 400
_COLUMNS = [CHANNELS.c[name] for name in ChannelEntry._fields]
_OF = CHANNELS.c.id == sa.bindparam("of")
_TIME = sa.bindparam("at", type_=sa.Double)
_NEWER = sa.func.coalesce(CHANNELS.c.last_time, _TIME) <= _TIME


def _if_newer(name: str, value: Any) -> Any:
    return sa.case((_NEWER, value), else_=CHANNELS.c[name])


def _larger(name: str, value: Any) -> Any:
    here = sa.func.coalesce(CHANNELS.c[name], value)
    return sa.case((here < value, value), else_=here)


_ARRIVED = sa.bindparam("arrived", type_=sa.Double)
_NEWEST_POINT = (
    sa.update(CHANNELS)
    .where(_OF)
    .values(
        last_value=_if_newer("last_value", sa.bindparam("its_value", type_=sa.Double)),
        last_flags=_if_newer("last_flags", sa.bindparam("its_flags", type_=sa.BigInteger)),
        last_grade=_if_newer("last_grade", sa.bindparam("its_grade", type_=sa.BigInteger)),
        last_text=_if_newer("last_text", sa.null()),
        last_time=_larger("last_time", _TIME),
        last_received=_larger("last_received", _ARRIVED),
    )
)
_NEWEST_TEXT = (
    sa.update(CHANNELS)
    .where(_OF)
    .values(
        last_value=_if_newer("last_value", sa.null()),
        last_text=_if_newer("last_text", sa.bindparam("its_text", type_=sa.Text)),
        last_time=_larger("last_time", _TIME),
        last_received=_larger("last_received", _ARRIVED),
    )
)


class Named(NamedTuple):
    """A channel's number and its tags."""

    id: int
    site: str
    gateway: str
    sensor: str
    quantity: str

    def key(self, measurement: str) -> str:
        """What a line of this channel begins with."""
        return series_key(measurement, {name: getattr(self, name) for name in self._fields[1:]})


class Channels:
    """Reads and writes them; remembers what numbers mean, which never changes."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._known: dict[int, Named] = {}
        self._ids: dict[tuple[str, str, str], int] = {}
        self._keys: dict[tuple[str, int], str] = {}
        session.failed.append(self._undone)

    def forget(self) -> None:
        self._known.clear()
        self._ids.clear()
        self._keys.clear()

    def _undone(self, _sent: bool) -> None:
        self.forget()  # a channel that was made may be no more

    def entries(self, *where: sa.ColumnElement[bool]) -> list[ChannelEntry]:
        t = CHANNELS.c
        query = sa.select(*_COLUMNS).where(self._session.mine(CHANNELS), *where)
        with self._session.sql() as connection:
            rows = connection.execute(query.order_by(t.gateway, t.sensor, t.quantity))
            return [ChannelEntry(*row) for row in rows]

    def last_times(self, channels: Iterable[int]) -> dict[int, float | None]:
        """When the newest reading of each was taken [s]."""
        some = list(channels)
        found: dict[int, float | None] = {}
        with self._session.sql() as connection:
            for start in range(0, len(some), _CHANNELS_AT_ONCE):
                part = some[start : start + _CHANNELS_AT_ONCE]
                query = sa.select(CHANNELS.c.id, CHANNELS.c.last_time).where(CHANNELS.c.id.in_(part))
                found.update({int(one): at for one, at in connection.execute(query)})
        return found

    def make(self, site: str, gateway: str, sensor: str, quantity: str, unit: str | None) -> int:
        """The number of a channel, given when it is new."""
        key = (gateway, sensor, quantity)
        known = self._ids.get(key)
        if known is not None:
            return known
        t = CHANNELS.c
        with self._session.transaction() as work:
            query = sa.select(t.id).where(t.gateway == gateway, t.sensor == sensor, t.quantity == quantity)
            found = work.connection.execute(query).scalar()
            if found is None:
                row = {"site": site, "gateway": gateway, "sensor": sensor, "quantity": quantity, "unit": unit}
                made = work.connection.execute(sa.insert(CHANNELS).values(shard=self._session.number, **row))
                found = made.inserted_primary_key[0]  # type: ignore[index]
            number = int(found)
        if self._session.work is None:  # else the new row may still be undone
            self._ids[key] = number
        return number

    def named(self, channels: Iterable[int]) -> dict[int, Named]:
        """The tags of channels; those that are not there are left out."""
        wanted = [one for one in dict.fromkeys(channels) if one not in self._known]
        t = CHANNELS.c
        with self._session.sql() as connection:
            for start in range(0, len(wanted), _CHANNELS_AT_ONCE):
                some = wanted[start : start + _CHANNELS_AT_ONCE]
                query = sa.select(t.id, t.site, t.gateway, t.sensor, t.quantity).where(t.id.in_(some))
                self._known.update({row[0]: Named(*row) for row in connection.execute(query)})
        return {one: self._known[one] for one in channels if one in self._known}

    def key(self, measurement: str, channel: int) -> str:
        """What a line of a channel begins with. Raises SeriesError for a number that was never given."""
        found = self._keys.get((measurement, channel))
        if found is None:
            named = self.named([channel]).get(channel)
            if named is None:
                raise SeriesError(f"there is no channel {channel} in the series' bookkeeping")
            found = self._keys[measurement, channel] = named.key(measurement)
        return found

    def select(
        self, what: str, measurement: str, channels: Iterable[int], when: str, tail: str = ""
    ) -> list[str]:
        """Statements that read some channels, one for each gateway."""
        by_gateway: dict[str, list[Named]] = {}
        for one in self.named(channels).values():
            by_gateway.setdefault(one.gateway, []).append(one)
        found: list[str] = []
        for gateway, some in by_gateway.items():
            of = [ql.all_tags({"sensor": one.sensor, "quantity": one.quantity}) for one in some]
            where = [ql.is_tag("gateway", gateway), ql.any_of(of), *([when] if when else [])]
            found.append(ql.select(what, measurement, where, GROUP, tail))
        return found

    def conditions(self, channel: int) -> list[str]:
        """A channel's tags, for deleting. Raises SeriesError for a number that was never given."""
        named = self.named([channel]).get(channel)
        if named is None:
            raise SeriesError(f"there is no channel {channel} in the series' bookkeeping")
        tags = {"site": named.site, "gateway": named.gateway, "sensor": named.sensor}
        return [ql.is_tag(name, value) for name, value in (tags | {"quantity": named.quantity}).items()]

    def by_tags(self, channels: Iterable[int]) -> dict[tuple[str, str, str], int]:
        """Channels by their tags as they stand in an answer."""
        return {
            (tag(one.gateway), tag(one.sensor), tag(one.quantity)): one.id
            for one in self.named(channels).values()
        }

    def write_newest(
        self, points: Sequence[PointRow], texts: Sequence[TextRow], received: Mapping[int, float]
    ) -> None:
        """Note the newest reading of each channel; both ascend by channel and time."""
        newest = {row[0]: row for row in points}
        spoken = {row[0]: row for row in texts}
        connection = self._session.now.connection
        rows: list[dict[str, Any]] = [
            {"of": channel, "at": (us // 1000) / 1000, "its_value": float(value), "its_flags": flags,
             "its_grade": grade, "arrived": received.get(channel, 0.0)}
            for channel, us, value, flags, grade in newest.values()
        ]  # fmt: skip
        if rows:
            connection.execute(_NEWEST_POINT, rows)
        rows = [
            {
                "of": channel,
                "at": (us // 1000) / 1000,
                "its_text": text,
                "arrived": received.get(channel, 0.0),
            }
            for channel, us, text in spoken.values()
        ]
        if rows:
            connection.execute(_NEWEST_TEXT, rows)


def tags_of(series: Series) -> tuple[str, str, str]:
    """Of which channel an answered series is."""
    return series.tags["gateway"], series.tags["sensor"], series.tags["quantity"]
