"""The series in InfluxDB: opening it, whose bucket it is, how it stands."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import sqlalchemy as sa
import structlog

from ingest_service.series.influx import ql
from ingest_service.series.influx.exposure_rows import site_of
from ingest_service.series.influx.judging import Judging
from ingest_service.series.influx.link import TIMEOUT_S, Link
from ingest_service.series.influx.marker import MEASUREMENTS, check, mark, read_mark, trouble_of
from ingest_service.series.influx.session import Fence, Session
from ingest_service.series.influx.state import KEPT_CURSORS, alone, fact, open_state, write
from ingest_service.series.influx.tables import CHANNELS, CURSORS, FACTS, GONE, PROJECTED, ZONES
from ingest_service.series.influx.where import Where
from ingest_service.series.port import SeriesError

AT_ONCE: Final = 50
LOOK_S: Final = 2.0  # whoever asks how it stands does not wait as long as for data
log = structlog.get_logger(__name__)


def open_influx_series(
    where: Where,
    state: Path | str,
    *,
    shard: int | None = None,
    read_only: bool = False,
    fence: Fence | None = None,
    timeout_s: float = TIMEOUT_S,
) -> InfluxSeries:
    """The series in a bucket. `state`: the data directory or database URL with its bookkeeping.

    Opening for reading does not ask InfluxDB anything, so pages start without it. Raises SeriesError: the
    bookkeeping cannot be opened; or, for writing, InfluxDB cannot be asked or the bucket is another's.
    """
    engine = open_state(state)
    link = Link(where, timeout_s=timeout_s)
    store = InfluxSeries(Session(engine, link, shard=shard, read_only=read_only, fence=fence))
    try:
        if not read_only:
            store.claim()
    except BaseException:
        store.close()
        raise
    return store


class InfluxSeries(Judging):
    """`SeriesStore` over a bucket and the tables beside it."""

    @property
    def session(self) -> Session:
        """For whoever fences, measures or looks."""
        return self._session

    def claim(self) -> None:
        """See that the bucket is this installation's. Raises SeriesError.

        Where it is another one than before, or was emptied by somebody, nothing of what the bookkeeping says
        is in it, and the series is made again from the ledger.
        """
        engine, link = self._session.engine, self._session.link
        bucket = link.where.bucket
        with alone(engine):
            with self._session.sql() as connection:
                installation, anew = fact(connection, "installation") or "", fact(connection, "anew")
                before = fact(connection, "bucket")
            check(link, installation)
            other = before is not None and (before != bucket or read_mark(link) is None)
            if other:
                log.warning("the bucket is not the one that was filled: it is filled again from the ledger")
                self._forget_everything()
            mark(link, installation)
            if anew is not None or other:
                self._empty_bucket(None)
            if anew is not None or before != bucket:
                with write(engine) as connection:
                    connection.execute(sa.delete(FACTS).where(FACTS.c.name.in_(["anew", "bucket"])))
                    connection.execute(sa.insert(FACTS).values(name="bucket", value=bucket))

    def _forget_everything(self) -> None:
        """Empty the bookkeeping of all shards, but for the numbers that go on growing."""
        with write(self._session.engine) as connection:
            for table in PROJECTED:
                connection.execute(sa.delete(table))
            connection.execute(sa.delete(CURSORS).where(CURSORS.c.name.not_in(KEPT_CURSORS)))
            connection.execute(sa.update(GONE).values(deleted=True))

    def trouble(self) -> str | None:
        """What is wrong with InfluxDB now, in a sentence with the way out; None when nothing is."""
        try:
            with self._session.sql() as connection:
                installation = fact(connection, "installation") or ""
            link = Link(self._session.link.where, timeout_s=LOOK_S)
            try:
                return trouble_of(link, installation)
            finally:
                link.close()
        except SeriesError as error:
            return str(error)

    def wipe(self) -> None:
        self._channels.forget()
        with self._session.transaction() as work:
            number = self._session.number
            self._empty_bucket(self._sites(work.connection))
            for table in PROJECTED:
                work.connection.execute(sa.delete(table).where(table.c.shard == number))
            kept = CURSORS.c.name.not_in(KEPT_CURSORS)
            work.connection.execute(sa.delete(CURSORS).where(CURSORS.c.shard == number, kept))
            work.connection.execute(sa.update(GONE).where(GONE.c.shard == number).values(deleted=True))
        self._forget_channels()
        self._forget_exposures()
        self._ends.clear()
        self._values.clear()

    def _sites(self, connection: sa.Connection) -> set[str] | None:
        """The sites of this shard of which anything is stored; None for everything."""
        if self._session.shard is None:
            return None
        number = self._session.number
        channels = sa.select(CHANNELS.c.site).where(CHANNELS.c.shard == number).distinct()
        zones = sa.select(ZONES.c.zone).where(ZONES.c.shard == number)
        found = {str(site) for (site,) in connection.execute(channels)}
        return found | {site_of(zone) for (zone,) in connection.execute(zones)}

    def _empty_bucket(self, sites: set[str] | None) -> None:
        """Delete all measurements, or what sites have in them; doing it twice does no harm."""
        link = self._session.link
        if sites is None:
            for name in sorted({*MEASUREMENTS} & {*link_measurements(link)}):
                link.ask_one(f'DROP MEASUREMENT "{name}"')
            return
        some = sorted(sites)
        for start in range(0, len(some), AT_ONCE):
            for name in MEASUREMENTS:
                link.ask(
                    [ql.delete(name, [ql.is_tag("site", site)]) for site in some[start : start + AT_ONCE]]
                )

    def close(self) -> None:
        try:
            if not self._session.read_only:
                self._changes.close()
        except (SeriesError, sa.exc.SQLAlchemyError):
            pass  # the next start then counts on from a higher number
        finally:
            self._session.link.close()
            self._session.engine.dispose()


def link_measurements(link: Link) -> list[str]:
    """The measurements that a bucket has."""
    return [str(row[0]) for series in link.ask_one("SHOW MEASUREMENTS") for row in series.values]
