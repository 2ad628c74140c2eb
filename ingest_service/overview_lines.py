"""The kept counts of the overview: one line a factory, hazard and span, made anew all the time.

They are no record of anything: whoever deletes them waits until they are counted again.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Final

import sqlalchemy as sa

from ingest_service.database import METADATA
from ingest_service.queries.judged import Minutes
from ingest_service.queries.models import CalendarRow, OverviewRow
from ingest_service.queries.site_count import CountedRow, SiteCount

OVERVIEW_LINES: Final = sa.Table(
    "overview_lines",
    METADATA,
    sa.Column("hazard", sa.String(16), primary_key=True),
    sa.Column("span", sa.String(16), primary_key=True),
    sa.Column("site", sa.String(32), primary_key=True),
    sa.Column("at", sa.Double, nullable=False),
    sa.Column("above", sa.BigInteger, nullable=False),
    sa.Column("within", sa.BigInteger, nullable=False),
    sa.Column("expected", sa.BigInteger, nullable=False),
    sa.Column("line", sa.Text, nullable=False),
    sqlite_with_rowid=False,
)
OVERVIEW_CALENDARS: Final = sa.Table(
    "overview_calendars",
    METADATA,
    sa.Column("hazard", sa.String(16), primary_key=True),
    sa.Column("site", sa.String(32), primary_key=True),
    sa.Column("line", sa.Text, nullable=False),
    sqlite_with_rowid=False,
)
# One hazard and span of everything costs less than very many sites by name.
_BY_NAME: Final = 300


def keep(connection: sa.Connection, site: str, hazard: str, counted: SiteCount) -> None:
    """Replace what is kept of a factory and a hazard."""
    for table in (OVERVIEW_LINES, OVERVIEW_CALENDARS):
        connection.execute(sa.delete(table).where(table.c.hazard == hazard, table.c.site == site))
    connection.execute(
        sa.insert(OVERVIEW_LINES),
        [
            {
                "hazard": hazard,
                "span": span,
                "site": site,
                "at": one.at,
                "above": one.whole.above,
                "within": one.whole.within,
                "expected": one.whole.expected,
                "line": one.row.model_dump_json(),
            }
            for span, one in counted.rows.items()
        ],
    )
    line = {"hazard": hazard, "site": site, "line": counted.calendar.model_dump_json()}
    connection.execute(sa.insert(OVERVIEW_CALENDARS), line)


def counted_at(connection: sa.Connection) -> dict[str, float]:
    """When each factory that has lines was counted last [s]."""
    query = sa.select(OVERVIEW_LINES.c.site, sa.func.min(OVERVIEW_LINES.c.at)).group_by(OVERVIEW_LINES.c.site)
    return {site: at for site, at in connection.execute(query)}  # noqa: C416 - rows, not pairs


def kept_rows(engine: sa.Engine, hazard: str, span: str, sites: Sequence[str]) -> dict[str, CountedRow]:
    """The kept rows of these factories; one that was never counted is left out."""
    query = sa.select(OVERVIEW_LINES).where(OVERVIEW_LINES.c.hazard == hazard, OVERVIEW_LINES.c.span == span)
    return {
        row.site: CountedRow(
            OverviewRow.model_validate_json(row.line), Minutes(row.above, row.within, row.expected), row.at
        )
        for row in _rows(engine, query, OVERVIEW_LINES, sites)
    }


def kept_calendars(engine: sa.Engine, hazard: str, sites: Sequence[str]) -> dict[str, CalendarRow]:
    """The kept days of these factories."""
    query = sa.select(OVERVIEW_CALENDARS).where(OVERVIEW_CALENDARS.c.hazard == hazard)
    rows = _rows(engine, query, OVERVIEW_CALENDARS, sites)
    return {row.site: CalendarRow.model_validate_json(row.line) for row in rows}


def _rows(
    engine: sa.Engine, query: sa.Select[tuple[object, ...]], table: sa.Table, sites: Iterable[str]
) -> Iterator[sa.Row[tuple[object, ...]]]:
    wanted = set(sites)
    if len(wanted) <= _BY_NAME:
        query = query.where(table.c.site.in_(sorted(wanted)))
    with engine.connect() as connection:
        yield from (row for row in connection.execute(query) if row.site in wanted)
