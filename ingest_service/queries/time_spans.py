"""The spans of time that pages speak of, in the local days of a site."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from ingest_service.queries.models import Period

DAY_S: Final = 86400.0
PERIODS: Final = {"week": 7, "fortnight": 14, "month": 30}
RANGES: Final = {"day": DAY_S, "week": 7 * DAY_S, "month": 30 * DAY_S, "year": 365 * DAY_S}


def period(name: str, now: float, timezone: str) -> Period:
    """The last so many local days up to now, today included; "week" for a name that is not known."""
    known = name if name in PERIODS else "week"
    days = local_days(now, timezone, PERIODS[known])
    return Period(id=known, start=days[0], end=now)


def local_days(now: float, timezone: str, count: int) -> list[float]:
    """The starts of the last `count` local days, oldest first, today last (23, 24 or 25 h apart)."""
    zone = ZoneInfo(timezone)
    today = datetime.fromtimestamp(now, zone).replace(hour=0, minute=0, second=0, microsecond=0, fold=0)
    starts = []
    for back in range(count - 1, -1, -1):
        day = (today.replace(tzinfo=None) - timedelta(days=back)).replace(tzinfo=zone)
        starts.append(day.timestamp())
    return starts
