"""The rows that a time-series store takes and gives; the words are those of `series.port`."""

from __future__ import annotations

from typing import Literal, NamedTuple

Resolution = Literal["raw", "minute", "quarter", "hour", "day"]
"""Of a channel: its readings, or statistics of 1 min, 15 min, 1 h, the site's local day."""
Width = Literal["minute", "quarter", "hour", "day"]
Period = Literal["hour", "shift", "day", "week"]
"""What a summary of exposures covers: an hour (UTC), a shift, the site's local day, its week from Monday."""
Cause = Literal["late_data", "register_changed", "calculation_changed", "quality"]
"""Why a stored exposure was replaced by another number."""
Kept = Literal["readings", "minutes", "exposures"]
PointRow = tuple[int, int, float, int, int]
"""(channel id, time_us, value in the quantity's unit, flags, grade): what the projector hands over."""
TextRow = tuple[int, int, str]
"""(channel id, time_us, text)."""


class ChannelEntry(NamedTuple):
    """A channel and its newest reading; every ``last_*`` is None before the first one."""

    id: int
    site: str
    gateway: str
    sensor: str
    quantity: str
    unit: str | None
    last_time: float | None
    last_value: float | None
    last_text: str | None
    last_flags: int | None
    last_grade: int | None
    last_received: float | None

    @property
    def name(self) -> str:
        return f"{self.gateway}/{self.sensor}/{self.quantity}"


class Point(NamedTuple):
    time: float
    value: float
    flags: int
    grade: int


StoredPoint = tuple[int, float, int, int]
"""Time in us (the last three digits tell batches apart), value, flags, grade."""


class Text(NamedTuple):
    time: float
    text: str


class Span(NamedTuple):
    """Statistics of one channel over a minute, quarter, hour or day; ``end`` is the number of that minute,
    quarter or hour since 1970, of a day the number of its last minute."""

    channel: int
    end: int
    n: int
    mean: float
    low: float
    high: float
    flags: int
    grade: int


class Sample(NamedTuple):
    """One drawn value; at raw resolution ``low == high == value`` and ``n == 1``."""

    time: float
    value: float
    low: float
    high: float
    n: int
    flags: int
    grade: int


class ExposureRow(NamedTuple):
    """What a zone took up in the window ending at ``minute``; ``value`` None means "cannot tell".

    ``revision`` and ``change`` are set by the store: the first counts how often a stored number was replaced
    by a different one, the second grows with every row written, so a reader can ask for what is new.
    """

    zone: str
    kind: str
    minute: int
    value: float | None
    coverage: float
    expected: int
    received: int
    worst_gap_s: float
    method: str
    grade: int
    calc: str
    revision: int = 0
    change: int = 0


class Exceedance(NamedTuple):
    """How a kind of exposure stood against a limit over a range of minutes."""

    above: int
    known: int
    highest: float | None
    highest_minute: int | None


class Summary(NamedTuple):
    """The exposures of one kind in a zone over a period that is over: minutes ``first`` to ``last``.

    ``value`` is that of the last minute (None: cannot tell), ``mean`` that of the known ones (of their energy
    for decibels), ``high`` the highest, first met at ``high_minute``. ``known`` counts the minutes with a
    value, ``expected`` those that should have one: of a shift all, else those in which something was due or
    came. ``grade`` is the worst of the known ones; ``revision`` counts how often the numbers were replaced.
    """

    zone: str
    kind: str
    period: Period
    first: int
    last: int
    value: float | None
    mean: float | None
    high: float | None
    high_minute: int | None
    low: float | None
    known: int
    expected: int
    grade: int
    revision: int = 0


class Revision(NamedTuple):
    """One replacement of a stored exposure; None is "cannot tell", or a row that was or is not there.

    ``revision`` is the number of the new row, ``at`` when it was replaced [s].
    """

    zone: str
    kind: str
    minute: int
    revision: int
    old: float | None
    new: float | None
    at: float
    cause: Cause


class QualityRow(NamedTuple):
    """A minute of a channel that failed (``flag`` 4) or is suspect (3); ``tests`` are bits of `QcTest`."""

    channel: int
    minute: int
    flag: int
    tests: int


ExposureKey = tuple[str, str, int]
"""Zone, kind, minute."""


ValueRow = tuple[int, float | None, int]
"""Minute, value and grade of an exposure."""


class Unfinished(NamedTuple):
    """A quarter, an hour or a day of a channel: minutes ``first`` to ``last``."""

    width: Width
    channel: int
    first: int
    last: int


class Recompute(NamedTuple):
    """Minutes of a zone that must be computed again, and why."""

    zone: str
    first: int
    last: int
    cause: Cause


class Anchor(NamedTuple):
    """A moment of which a boot's clock and UTC are both known, with the largest error in s."""

    mono: float
    utc: float
    err: float


class HeldBatch(NamedTuple):
    """A ledger row whose times cannot be trusted; it waits outside the series for an anchor of its boot."""

    row: int
    gateway: str
    boot: str
    received_at: float


class Waiting(NamedTuple):
    """How many batches of one boot are held, and since when."""

    gateway: str
    boot: str
    batches: int
    since: float
