"""What of the register a zone's exposures depend on, and which minutes a change of it touches.

A description holds statements about a zone (a sensor stood there, a channel was due, a clothing factor held,
a shift was worked), each with the minutes for which it held. Two descriptions differ where a statement holds
in one of them only; those minutes are computed again. Classes of work and headcounts are not in it: they
change what rules say of an exposure, not the exposure.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import date, datetime, time, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

from ingest_service.register.entries import Zone
from ingest_service.register.snapshot import RegisterSnapshot
from ingest_service.rollup.sources import Minutes, valid_minutes
from osh_domain.shifts import Shift, ShiftCalendar

Description = dict[str, list[Minutes]]
"""Statement -> the minutes for which it holds, first and last."""
_ALWAYS = valid_minutes(0.0, None)


def describe(zone: Zone, register: RegisterSnapshot) -> Description:
    """The statements about a zone."""
    found: Description = {}
    site = register.site(zone.site)
    if site is not None:
        say(found, f"site {site.timezone} {site.latitude} {site.longitude}", _ALWAYS)
    history = register.zone_history(zone.id)
    for place, (since, facts) in enumerate(history):
        until = history[place + 1][0] if place + 1 < len(history) else None
        say(found, f"clothing {facts.clothing_caf}", valid_minutes(since, until))
        if facts.outdoors:
            say(found, "outdoors", valid_minutes(since, until))
    sensors: set[tuple[str, str]] = set()
    for placement in register.placements_in(zone.id):
        where = f"sensor {placement.gateway} {placement.sensor} {placement.globe_diameter_m}"
        say(found, where, valid_minutes(placement.valid_from, placement.valid_to))
        sensors.add((placement.gateway, placement.sensor))
    for gateway, sensor in sorted(sensors):
        for due in register.expected_of(gateway, sensor):
            what = f"due {gateway} {sensor} {due.quantity} {due.period_s}"
            say(found, what, valid_minutes(due.valid_from, due.valid_to))
    describe_calendar(found, register.calendar(zone.site))
    return {statement: sorted(spans) for statement, spans in sorted(found.items())}


def describe_calendar(found: Description, calendar: ShiftCalendar) -> None:
    """Add the statements about shifts."""
    clock = ZoneInfo(calendar.timezone)
    for shift in calendar.roster:
        say(found, _shift_words(shift), _dates(shift.valid_from, shift.valid_to, clock))
    exceptions = calendar.exceptions
    for day_off in exceptions.days_off:
        say(found, "day off", _dates(day_off.day, day_off.day, clock))
    for overtime in exceptions.overtime:
        what = f"overtime {overtime.shift} {overtime.until} {overtime.breaks}"
        say(found, what, _dates(overtime.day, overtime.day, clock))
    for season in exceptions.seasons:
        for shift in season.shifts:
            what = f"season {_shift_words(shift)} {shift.valid_from} {shift.valid_to}"
            say(found, what, _dates(season.first, season.last, clock))


def _shift_words(shift: Shift) -> str:
    breaks = ",".join(f"{a}-{b}" for a, b in shift.breaks)
    return f"shift {shift.name} {shift.start}-{shift.end} {sorted(shift.days)} {breaks}"


def _dates(first: date, last: date | None, clock: ZoneInfo) -> Minutes:
    """The minutes of shifts that start on these dates; one may end on the day after."""
    begin = datetime.combine(first, time.min, clock).timestamp() if first.year > 1970 else 0.0
    if last is None or last.year >= date.max.year:
        return valid_minutes(begin, None)
    return valid_minutes(begin, datetime.combine(last + timedelta(days=2), time.min, clock).timestamp())


def say(found: Description, statement: str, span: Minutes) -> None:
    """Add a statement, unless it holds for no minute."""
    if span[0] <= span[1]:
        found.setdefault(statement, []).append(span)


def written(description: Description) -> str:
    """A description as text, the same for equal ones."""
    return json.dumps(description, sort_keys=True, separators=(",", ":"))


def read(text: str) -> Description:
    """The description that `written` made a text of."""
    return {name: [(first, last) for first, last in spans] for name, spans in json.loads(text).items()}


def differing(one: Description, other: Description) -> dict[str, list[Minutes]]:
    """Statement -> the minutes for which it holds in one of the descriptions only."""
    found: dict[str, list[Minutes]] = {}
    for statement in one.keys() | other.keys():
        before, after = one.get(statement, []), other.get(statement, [])
        if before != after and (spans := _either(before, after)):
            found[statement] = spans
    return found


def sensor_of(statement: str) -> tuple[str, str] | None:
    """Gateway and sensor that a statement is about."""
    words = statement.split(" ")
    return (words[1], words[2]) if words[0] in {"sensor", "due"} else None


def is_placement(statement: str) -> bool:
    """Whether a statement says that a sensor stood in the zone."""
    return statement.startswith("sensor ")


def joined(spans: Iterable[Minutes]) -> list[Minutes]:
    """Spans in order, those that overlap or touch made one."""
    found: list[Minutes] = []
    for first, last in sorted(spans):
        if found and first <= found[-1][1] + 1:
            found[-1] = found[-1][0], max(found[-1][1], last)
        else:
            found.append((first, last))
    return found


def _either(before: list[Minutes], after: list[Minutes]) -> list[Minutes]:
    """The minutes that lie in one of the two sets of spans and not in both."""
    one, other = joined(before), joined(after)
    edges = sorted({edge for first, last in (*one, *other) for edge in (first, last + 1)})
    found = [(begin, end - 1) for begin, end in pairwise(edges) if _holds(one, begin) != _holds(other, begin)]
    return joined(found)


def _holds(spans: list[Minutes], minute: int) -> bool:
    return any(first <= minute <= last for first, last in spans)
