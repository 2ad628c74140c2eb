"""A zone as it stood at the end of a past local day, for history and for recordings with their own times."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime, time
from typing import Final
from zoneinfo import ZoneInfo

from ingest_service.queries import judged, site_weeks
from ingest_service.queries.judged import Counts
from ingest_service.queries.measured import MINUTE_S
from ingest_service.queries.models import Hazard
from ingest_service.queries.panels import Panel, unit_of
from ingest_service.queries.places import Past
from ingest_service.queries.view import View
from ingest_service.register.entries import Site, Zone

EARLIEST: Final = date(1990, 1, 1)


def read_day(text: str) -> date | None:
    """The day that was asked for, None for none. ValueError for what is no day, or too long ago to be one."""
    if not text:
        return None
    try:
        day = date.fromisoformat(text)
    except ValueError:
        day = date.min
    if day < EARLIEST:
        raise ValueError(f"{text!r} is no day since {EARLIEST}; write it like 2026-04-20")
    return day


def as_of(view: View, site: Site, day: date | None) -> View:
    """The view at the end of that local day of the site; of today, a later day or none, the view as it is.

    Rights are a matter of the present: check them with the view of the present.
    """
    zone = ZoneInfo(site.timezone)
    if day is None or day >= datetime.fromtimestamp(view.now, zone).date():
        return view
    noon = datetime.combine(day, time(12), zone).timestamp()
    return replace(view, now=view.register.calendar(site.id).local_day(noon)[1])


def past(then: View, site: Site, zone: Zone, hazard: Hazard, shown: Panel, start: float, end: float) -> Past:
    """What is known of a zone from `start` to `end`, seen from the instant of `then`."""
    with then.engine.connect() as connection:
        span = site_weeks.of_zone(then, Counts(connection), site, zone, hazard, start, end)
    first, last = int(start // MINUTE_S) + 1, int(end // MINUTE_S)
    found = then.series.exceedance(zone.id, shown.judged, 0.0, first, last)
    unit, decimals = unit_of(shown.judged)
    return Past(
        day=datetime.fromtimestamp(then.now - MINUTE_S, ZoneInfo(site.timezone)).date().isoformat(),
        start=start,
        end=end,
        kind=shown.judged,
        unit=unit,
        decimals=decimals,
        highest=found.highest,
        highest_at=None if found.highest_minute is None else found.highest_minute * MINUTE_S,
        hours_above=span.hours if span.told else None,
        coverage=span.coverage if span != judged.NOTHING else None,
    )
