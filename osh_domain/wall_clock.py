"""The clock on a site's wall: local dates and times of day as instants, whatever the time zone does.

A wall time becomes the first instant at which the site's clock shows that time or later: when clocks go back
that is the earlier of the two, and a time that clocks skip is the moment of the jump. A local date lasts from
its first midnight to the next date's, so dates follow each other without gap or return even where clocks go
back across midnight.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

ONE_DAY = timedelta(days=1)
_REMEMBERED_DAYS = 4000


@lru_cache(maxsize=256)
def wall_clock(timezone: str) -> WallClock:
    """Return the wall clock of an IANA time zone, one for all sites; ValueError for an unknown zone."""
    return WallClock(timezone)


class WallClock:
    """The wall clock of an IANA time zone; ValueError for an unknown one. See `wall_clock`."""

    def __init__(self, timezone: str) -> None:
        try:
            self._zone = ZoneInfo(timezone)
        except (ZoneInfoNotFoundError, ValueError, OSError) as error:
            raise ValueError(f"time zone {timezone!r} is unknown; write it like Asia/Phnom_Penh") from error
        self._midnights: dict[date, float] = {}

    def local_date(self, t: float) -> date:
        """Return the local date that an instant belongs to."""
        day = datetime.fromtimestamp(t, self._zone).date()
        # Where clocks go back across midnight the wall shows the old date again for a while.
        while self.midnight(day + ONE_DAY) <= t:
            day += ONE_DAY
        return day

    def midnight(self, day: date) -> float:
        """Return the instant at which a local date begins."""
        known = self._midnights.get(day)
        if known is None:
            if len(self._midnights) >= _REMEMBERED_DAYS:
                self._midnights.clear()
            known = self._midnights[day] = self.instant(day, time.min)
        return known

    def instant(self, day: date, wall: time) -> float:
        """Return the first instant at which the site's clock shows this wall time or later."""
        local = datetime.combine(day, wall, self._zone)
        instant = local.timestamp()
        if datetime.fromtimestamp(instant, self._zone).replace(tzinfo=None) == local.replace(tzinfo=None):
            return instant
        return self._jump(local.replace(fold=1).timestamp(), instant)

    def _jump(self, before: float, after: float) -> float:
        """Whole second between two instants at which the zone's offset changes."""
        offset = self._offset(before)
        low, high = int(before), int(after)
        while high - low > 1:
            middle = (low + high) // 2
            low, high = (middle, high) if self._offset(middle) == offset else (low, middle)
        return float(high)

    def _offset(self, t: float) -> timedelta | None:
        return datetime.fromtimestamp(t, UTC).astimezone(self._zone).utcoffset()
