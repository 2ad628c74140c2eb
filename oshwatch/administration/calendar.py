"""``oshwatch admin calendar``, ``day-off`` and ``overtime``: what is worked when, and exceptions from it."""

from datetime import date, datetime, time, timedelta
from typing import TYPE_CHECKING, Annotated, Any
from zoneinfo import ZoneInfo

import typer

from oshwatch.administration.descriptions import known_site
from oshwatch.administration.shell import AsJson, DataDir, answer, fail, opened, who

if TYPE_CHECKING:
    from osh_domain.shifts import ShiftCalendar, ShiftInstance

_LONGEST_DAYS = 400

Factory = Annotated[str, typer.Argument(help="The factory's id.")]
Day = Annotated[
    datetime, typer.Argument(formats=["%Y-%m-%d"], help="Date at the factory.", show_default=False)
]
Cancel = Annotated[bool, typer.Option("--cancel", help="Take it back.")]
OptionalDay = datetime | None


def calendar(
    site: Factory,
    data_dir: DataDir = None,
    first: Annotated[
        OptionalDay, typer.Option("--from", formats=["%Y-%m-%d"], help="Default: today.")
    ] = None,
    last: Annotated[
        OptionalDay, typer.Option("--to", formats=["%Y-%m-%d"], help="Default: two weeks.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Print the shifts of the coming two weeks with breaks, overtime, days off and seasons, in site time."""
    with opened(data_dir) as (register, _):
        entry = known_site(register, site)
        found = register.snapshot().calendar(site)
        begin = first.date() if first is not None else found.local_date(register.now())
        end = last.date() if last is not None else begin + timedelta(days=13)
        if not 0 <= (end - begin).days < _LONGEST_DAYS:
            raise fail(f"--to {end} is not within {_LONGEST_DAYS} days from {begin}")
        days = [_day(found, begin + timedelta(days=number)) for number in range((end - begin).days + 1)]
        lines = [f"{site}  {entry.name}  ({entry.timezone})"]
        if not found.shifts:
            lines.append("No shifts are registered: every hour counts as work.")
        lines += [_line(day) for day in days]
        answer({"site": site, "timezone": entry.timezone, "days": days}, as_json, lines)


def day_off(
    site: Factory,
    day: Day,
    name: Annotated[str | None, typer.Argument(help="What it is called, like 'Khmer New Year'.")] = None,
    data_dir: DataDir = None,
    cancel: Cancel = False,
) -> None:
    """Let no shift start on a date. Of a day that has passed the exposures are computed anew."""
    from osh_domain.shifts import DayOff

    if not cancel and not (name and name.strip() and len(name) <= 200):
        raise fail(f"say what {day.date()} is called, in at most 200 characters")
    with opened(data_dir) as (register, _):
        known_site(register, site)
        today = register.snapshot().calendar(site).local_date(register.now())
        with register.change(who()) as change:
            if cancel:
                change.cancel_day_off(site, day.date())
            else:
                change.add_day_off(site, DayOff(day.date(), str(name).strip()))
            change.check_calendar(site, today)
        what = "is a working day again" if cancel else f"is off: {name}"
        typer.echo(f"{site}: {day:%a %Y-%m-%d} {what}{'' if change.made else ' (it already was)'}.")


def overtime(
    site: Factory,
    shift: Annotated[str, typer.Argument(help="The shift's name.")],
    day: Day,
    until: Annotated[
        str | None, typer.Argument(help="Until when, like 19:30; past midnight where it is earlier.")
    ] = None,
    data_dir: DataDir = None,
    pause: Annotated[
        list[str] | None, typer.Option("--break", help="A break in it, like 17:00-17:30. Repeatable.")
    ] = None,
    cancel: Cancel = False,
) -> None:
    """Let the shift that starts on a date be worked on until a later time of day."""
    from osh_domain.shifts import Overtime

    if cancel != (until is None):
        raise fail("say until when it is worked, like 19:30, or --cancel")
    breaks = tuple(_pause(text) for text in pause or [])
    with opened(data_dir) as (register, _):
        known_site(register, site)
        today = register.snapshot().calendar(site).local_date(register.now())
        with register.change(who()) as change:
            if until is None:
                change.cancel_overtime(site, shift, day.date())
            else:
                change.add_overtime(site, Overtime(shift, day.date(), _clock(until), breaks))
            change.check_calendar(site, today)
        what = "ends as in the roster" if until is None else f"is worked until {_clock(until):%H:%M}"
        suffix = "" if change.made else " (it already was)"
        typer.echo(f"{site}: {shift} of {day:%a %Y-%m-%d} {what}{suffix}.")


def _day(found: "ShiftCalendar", day: date) -> dict[str, Any]:
    season, off = found.exceptions.season(day), found.exceptions.day_off(day)
    midday = datetime(day.year, day.month, day.day, 12, tzinfo=ZoneInfo(found.timezone)).timestamp()
    start, end = found.local_day(midday)
    return {
        "date": day.isoformat(),
        "weekday": f"{day:%a}",
        "hours": (end - start) / 3600.0,
        "season": None if season is None else season.name,
        "day_off": None if off is None else off.name,
        "shifts": [_shift(found, day, one) for one in found.starting_on(day)],
    }


def _shift(found: "ShiftCalendar", day: date, one: "ShiftInstance") -> dict[str, Any]:
    zone = ZoneInfo(found.timezone)

    def shown(t: float) -> str:
        return datetime.fromtimestamp(t, zone).isoformat(timespec="minutes")

    overtime = found.exceptions.overtime_of(one.name, day)
    extended = overtime is not None and datetime.fromtimestamp(one.end, zone).time() == overtime.until
    return {
        "name": one.name,
        "start": shown(one.start),
        "end": shown(one.end),
        "hours": one.length_s / 3600.0,
        "overtime": extended,
        "breaks": [[shown(begin), shown(end)] for begin, end in one.breaks],
    }


def _line(day: dict[str, Any]) -> str:
    words = [f"{day['weekday']} {day['date']}"]
    if day["season"] is not None:
        words.append(f"[{day['season']}]")
    if day["day_off"] is not None:
        words.append(f"{day['day_off']}: nobody starts work")
    elif not day["shifts"]:
        words.append("-")
    words.append("; ".join(_shift_words(shift) for shift in day["shifts"]))
    if day["hours"] != 24.0:
        words.append(f"(clocks change: the day has {day['hours']:g} h)")
    return "  ".join(word for word in words if word)


def _shift_words(shift: dict[str, Any]) -> str:
    breaks = ", ".join(f"{begin[11:16]}-{end[11:16]}" for begin, end in shift["breaks"])
    return (
        f"{shift['name']} {shift['start'][11:16]}-{shift['end'][11:16]} ({shift['hours']:g} h"
        f"{', with overtime' if shift['overtime'] else ''}{', break ' + breaks if breaks else ''})"
    )


def _pause(text: str) -> tuple[time, time]:
    begin, found, end = text.partition("-")
    if not found:
        raise fail(f"--break {text!r} is not like 17:00-17:30")
    return _clock(begin), _clock(end)


def _clock(text: str) -> time:
    try:
        wall = time.fromisoformat(text)
    except ValueError:
        wall = None
    if wall is None or wall.tzinfo is not None:
        raise fail(f"{text!r} is no time of day on the factory's clock; write it like 19:30")
    return wall
