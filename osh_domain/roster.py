"""A shift as it is written in the roster, in wall time, and as it takes place on one day, in instants."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date, time

Breaks = tuple[tuple[time, time], ...]


@dataclass(frozen=True, slots=True)
class Shift:
    """A shift in wall time. An `end` not after `start` is on the next day; equal times are refused.

    `days` are weekdays of the start (0 Monday to 6 Sunday). `valid_from` and `valid_to` are the first and
    the last local date on which the shift may start, both included; None has no end. A break before `start`
    on the clock belongs to the part after midnight. Breaks lie inside the shift, in order, without overlap.
    """

    name: str
    start: time
    end: time
    days: frozenset[int]
    breaks: Breaks = ()
    valid_from: date = date.min
    valid_to: date | None = None

    def __post_init__(self) -> None:
        if self.start == self.end:
            raise ValueError(
                f"shift {self.name!r}: start and end are both {self.start:%H:%M}; write when it ends"
            )
        if not self.days or not self.days <= frozenset(range(7)):
            raise ValueError(f"shift {self.name!r}: days are weekdays 0 (Monday) to 6, at least one")
        if self.valid_to is not None and self.valid_to < self.valid_from:
            raise ValueError(
                f"shift {self.name!r}: valid_to {self.valid_to} is before valid_from {self.valid_from}"
            )
        before = 0.0
        for begins, ends in self.breaks:
            if not before <= self.after_start(begins) < self.after_start(ends) <= self.after_start(self.end):
                raise ValueError(
                    f"shift {self.name!r}: break {begins:%H:%M}-{ends:%H:%M} is not inside the shift "
                    "or not after the break before it"
                )
            before = self.after_start(ends)

    def after_start(self, wall: time) -> float:
        """Wall seconds from the start to a time of day, on the next day where the clock shows less."""
        return (seconds_of(wall) - seconds_of(self.start)) % 86400.0

    def starts_on(self, day: date) -> bool:
        """Say whether an instance starts on this local date."""
        return (
            day.weekday() in self.days
            and self.valid_from <= day
            and (self.valid_to is None or day <= self.valid_to)
        )

    def until(self, end: time, breaks: Breaks = ()) -> Shift:
        """Return the shift worked on until a later wall time, with further breaks after its regular end.

        ValueError where `end` is not later than the regular end and within 24 h of the start, or a break is
        not inside.
        """
        if end == self.start or self.after_start(end) <= self.after_start(self.end):
            raise ValueError(
                f"overtime until {end:%H:%M} is not after the end of {self.name!r} at {self.end:%H:%M}; "
                "write the time of day at which it really ends, within 24 h of its start"
            )
        for begins, ends in breaks:
            if self.after_start(begins) < self.after_start(self.end):
                raise ValueError(
                    f"break {begins:%H:%M}-{ends:%H:%M} is not inside the overtime, which begins when "
                    f"{self.name!r} ends at {self.end:%H:%M}; write its breaks alone"
                )
        return replace(self, end=end, breaks=self.breaks + breaks)


@dataclass(frozen=True, slots=True)
class ShiftInstance:
    """One shift of one day as instants (seconds since 1970 UTC); its end and its breaks' ends are outside."""

    name: str
    start: float
    end: float
    breaks: tuple[tuple[float, float], ...] = ()

    @property
    def length_s(self) -> float:
        """Seconds from start to end, breaks included."""
        return self.end - self.start

    def covers(self, t: float) -> bool:
        """Say whether the instant lies in the shift, breaks included."""
        return self.start <= t < self.end

    def on_break(self, t: float) -> bool:
        """Say whether the instant lies in one of the breaks."""
        return any(begins <= t < ends for begins, ends in self.breaks)


def seconds_of(wall: time) -> float:
    """Wall seconds since midnight."""
    return wall.hour * 3600.0 + wall.minute * 60.0 + wall.second + wall.microsecond / 1e6
