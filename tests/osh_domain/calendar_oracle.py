"""A calendar by another method, for tests: walk the minutes and look at the wall clock.

A shift that starts at wall time S and ends at E is on while the latest wall time that the clock has shown so
far is at or after S and before E. No instant of a shift is ever computed.
"""

from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime, timedelta
from functools import cache
from itertools import pairwise
from zoneinfo import ZoneInfo

from osh_domain.shifts import CalendarExceptions, Shift

OUR_ZONES = {
    "BD": ["Asia/Dhaka"],
    "KH": ["Asia/Phnom_Penh"],
    "EG": ["Africa/Cairo"],
    "ET": ["Africa/Addis_Ababa"],
    "HT": ["America/Port-au-Prince"],
    "ID": ["Asia/Jakarta", "Asia/Jayapura", "Asia/Makassar", "Asia/Pontianak"],
    "JO": ["Asia/Amman"],
    "MG": ["Indian/Antananarivo"],
    "NI": ["America/Managua"],
    "PK": ["Asia/Karachi"],
    "LK": ["Asia/Colombo"],
    "UZ": ["Asia/Samarkand", "Asia/Tashkent"],
    "VN": ["Asia/Ho_Chi_Minh"],
}
# Summer time on both halves of the globe, one of half an hour, one that changed at a minute past midnight.
HARD_ZONES = ["Europe/London", "America/New_York", "Australia/Lord_Howe", "America/St_Johns"]
ZONES = [zone for zones in OUR_ZONES.values() for zone in zones] + HARD_ZONES
_DAY = timedelta(days=1)


class Walk:
    """What the wall clock of a zone has shown at most, minute by minute from a local date on."""

    def __init__(self, timezone: str, first: date, days: int) -> None:
        self.zone = ZoneInfo(timezone)
        begin = datetime(first.year, first.month, first.day, tzinfo=UTC).timestamp() - 3 * 86400.0
        self.instants = [begin + 60.0 * number for number in range((days + 6) * 1440)]
        self.shown: list[datetime] = []
        latest = datetime(1, 1, 1)  # noqa: DTZ001 - what a wall clock shows has no zone
        for t in self.instants:
            latest = max(latest, datetime.fromtimestamp(t, self.zone).replace(tzinfo=None))
            self.shown.append(latest)

    def __iter__(self) -> Iterator[tuple[float, datetime]]:
        """Instant and latest wall time, without the days of running up."""
        yield from list(zip(self.instants, self.shown, strict=True))[2 * 1440 : -1440]


def on_at(shown: datetime, roster: Sequence[Shift], exceptions: CalendarExceptions) -> set[tuple[str, bool]]:
    """(name, whether on a break) of the shifts that are on when the clock has shown this at most."""
    found = set()
    for day in (shown.date() - _DAY, shown.date()):
        for name, start, end, breaks in _worked(day, roster, exceptions):
            if start <= shown < end:
                found.add((name, any(begins <= shown < ends for begins, ends in breaks)))
    return found


_Worked = tuple[str, datetime, datetime, list[tuple[datetime, datetime]]]


def _worked(day: date, roster: Sequence[Shift], exceptions: CalendarExceptions) -> Iterator[_Worked]:
    if any(one.day == day for one in exceptions.days_off):
        return
    seasons = [one for one in exceptions.seasons if one.first <= day <= one.last]
    for shift in seasons[0].shifts if seasons else roster:
        if day.weekday() not in shift.days or day < shift.valid_from:
            continue
        if shift.valid_to is not None and day > shift.valid_to:
            continue
        start = datetime.combine(day, shift.start)

        def after(wall: object, start: datetime = start, day: date = day) -> datetime:
            at = datetime.combine(day, wall)  # type: ignore[arg-type]
            return at if at >= start else at + _DAY

        end, pauses = after(shift.end), list(shift.breaks)
        for extra in exceptions.overtime:
            if (extra.shift, extra.day) == (shift.name, day):
                end, pauses = after(extra.until), pauses + list(extra.breaks)
        yield shift.name, start, end, [(after(begins), after(ends)) for begins, ends in pauses]


@cache
def changes(timezone: str, first_year: int = 1970, last_year: int = 2037) -> tuple[tuple[float, float], ...]:
    """(instant to the second, seconds that the wall clock moved by) of every change of a zone's offset."""
    zone = ZoneInfo(timezone)

    def offset(t: float) -> float:
        found = datetime.fromtimestamp(t, zone).utcoffset()
        assert found is not None
        return found.total_seconds()

    begin = datetime(first_year, 1, 1, tzinfo=UTC).timestamp()
    end = datetime(last_year, 12, 31, tzinfo=UTC).timestamp()
    found = []
    for low, high in pairwise(begin + 86400.0 * 4 * number for number in range(int((end - begin) / 345600))):
        if offset(low) == offset(high):
            continue
        before, after = low, high
        while after - before > 1:
            middle = (before + after) // 2
            before, after = (middle, after) if offset(middle) == offset(low) else (before, middle)
        found.append((after, offset(high) - offset(low)))
    return tuple(found)
