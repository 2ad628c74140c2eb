"""What the rest of the server asks of a time-series store.

Words: a *point* is one numeric reading of a channel at its corrected time, a *text* one textual reading
(sensor states). A minute ``m`` covers the interval (60*(m-1), 60*m] in seconds since 1970 UTC and is named by
its end; an hour likewise. All times given and returned are seconds; inside, a point is keyed by
``time_us`` = corrected milliseconds * 1000 + a discriminator 0..999, so that two batches never overwrite each
other. The discriminator is not part of the time: it is dropped on reading.

One process writes (the projector, and the rollup inside it); any number of processes read.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Literal, NamedTuple, Protocol

Resolution = Literal["raw", "minute", "hour"]
PointRow = tuple[int, int, float, int, int]
"""(channel id, time_us, value in the quantity's unit, flags, grade): what the projector hands over."""
TextRow = tuple[int, int, str]
"""(channel id, time_us, text)."""


class SeriesError(Exception):
    """The series store cannot be opened, read or written; the message says which file and what to do."""


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
    """Statistics of one channel over one minute or hour (``end`` is that minute's or hour's number)."""

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


class SeriesReader(Protocol):
    """For pages, rules and exports."""

    def channels(self, site: str | None = None) -> list[ChannelEntry]: ...

    def channel(self, gateway: str, sensor: str, quantity: str) -> ChannelEntry | None: ...

    def latest(self, gateway: str | None = None) -> list[ChannelEntry]: ...

    def points_between(self, channel: int, t0: float, t1: float) -> list[Point]:
        """Points with t0 < time <= t1, ascending."""
        ...

    def rows_between(self, channel: int, t0: float, t1: float) -> list[StoredPoint]:
        """The same points as they are stored, for whoever reads very many."""
        ...

    def texts_between(self, channel: int, t0: float, t1: float) -> list[Text]: ...

    def minutes_between(self, channels: Sequence[int], m0: int, m1: int) -> list[Span]:
        """Stored minutes m0 <= end <= m1 of these channels, by channel, then minute."""
        ...

    def hours_between(self, channels: Sequence[int], h0: int, h1: int) -> list[Span]: ...

    def read(self, channel: int, t0: float, t1: float, resolution: Resolution) -> list[Sample]:
        """What to draw for t0 < time <= t1. Aggregates carry the time of their end."""
        ...

    def exposures(self, zone: str, kind: str, m0: int, m1: int) -> list[ExposureRow]:
        """Rows with m0 <= minute <= m1, ascending."""
        ...

    def latest_exposures(self, zones: Iterable[str]) -> list[ExposureRow]:
        """The newest row of each kind of each zone."""
        ...

    def exposures_changed(self, after: int, limit: int) -> list[ExposureRow]:
        """Rows whose change number is above ``after``, in the order they were written."""
        ...

    def highest(self, zone: str, kind: str, m0: int, m1: int, step: int) -> dict[int, float]:
        """The highest known value of every ``step`` minutes, by the last of them, a multiple of ``step``."""
        ...

    def exceedance(self, zone: str, kind: str, limit: float, m0: int, m1: int) -> Exceedance: ...

    def held(self) -> list[Waiting]: ...

    def cursor(self, name: str) -> int:
        """The stored position of that name, 0 if there is none."""
        ...

    def close(self) -> None: ...


class SeriesStore(SeriesReader, Protocol):
    """For the one writing process: the projector and the rollup in it."""

    def transaction(self) -> AbstractContextManager[None]:
        """All writing inside is one commit; writing methods called outside make their own."""
        ...

    def channel_id(self, site: str, gateway: str, sensor: str, quantity: str, unit: str | None) -> int:
        """The id of a channel, made when it is new."""
        ...

    def write(
        self,
        points: Sequence[PointRow],
        texts: Sequence[TextRow],
        cursor_name: str,
        cursor_value: int,
        *,
        received: Mapping[int, float] | None = None,
    ) -> None:
        """One commit: points and texts (a repeated key is replaced), the newest reading of each channel, the
        minutes to be computed again, and the cursor. ``received``: arrival of the data by channel id."""
        ...

    def take_dirty(self, limit: int, *, newest: bool = False) -> list[tuple[int, int]]:
        """(channel, minute) pairs whose points changed, oldest minutes first (or newest); they stay until
        cleared."""
        ...

    def clear_dirty(self, pairs: Iterable[tuple[int, int]]) -> None: ...

    def write_minutes(self, rows: Iterable[Span]) -> None: ...

    def write_hours(self, rows: Iterable[Span]) -> None: ...

    def write_exposures(self, rows: Iterable[ExposureRow]) -> int:
        """Stores what differs from what is there; returns how many rows that was. A stored row whose value,
        method, grade or calculation changes gets the next revision; an equal row is not written again."""
        ...

    def set_cursor(self, name: str, value: int) -> None: ...

    def hold(self, batches: Iterable[HeldBatch]) -> None: ...

    def release(self, rows: Iterable[int]) -> None: ...

    def held_rows(self, gateway: str, boot: str) -> list[int]: ...

    def add_anchors(self, gateway: str, boot: str, anchors: Iterable[Anchor]) -> None: ...

    def anchors(self, gateway: str, boot: str) -> list[Anchor]: ...

    def wipe(self) -> None:
        """Empties the projection, to be built again from the ledger; change numbers go on growing."""
        ...
