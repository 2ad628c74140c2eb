"""What the rest of the server asks of a time-series store.

Words: a *point* is one numeric reading of a channel at its corrected time, a *text* one textual reading
(sensor states). A minute ``m`` covers the interval (60*(m-1), 60*m] in seconds since 1970 UTC and is named by
its end; an hour likewise. All times given and returned are seconds; inside, a point is keyed by
``time_us`` = corrected milliseconds * 1000 + a discriminator 0..999, so that two batches never overwrite each
other. The discriminator is not part of the time: it is dropped on reading.

One process writes (the projector, and the rollup inside it); any number of processes read.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Protocol

from ingest_service.series.clocks import ClockReader, ClockStore
from ingest_service.series.feed import ExposureFeed
from ingest_service.series.retaking import Retake, RetakingStore
from ingest_service.series.rows import (
    Anchor,
    Cause,
    ChannelEntry,
    Exceedance,
    ExposureKey,
    ExposureRow,
    HeldBatch,
    Kept,
    Period,
    Point,
    PointRow,
    QualityRow,
    Recompute,
    Resolution,
    Revision,
    Sample,
    Span,
    StoredPoint,
    Summary,
    Text,
    TextRow,
    Unfinished,
    ValueRow,
    Waiting,
    Width,
)
from ingest_service.series.standing import Standing

__all__ = [
    "Anchor",
    "Cause",
    "ChannelEntry",
    "Exceedance",
    "ExposureKey",
    "ExposureRow",
    "HeldBatch",
    "Kept",
    "Period",
    "Point",
    "PointRow",
    "QualityRow",
    "Recompute",
    "Resolution",
    "Retake",
    "Revision",
    "Sample",
    "SeriesError",
    "SeriesReader",
    "SeriesStore",
    "Span",
    "StoredPoint",
    "Summary",
    "Text",
    "TextRow",
    "Unfinished",
    "ValueRow",
    "Waiting",
    "Width",
]


class SeriesError(Exception):
    """The series store cannot be opened, read or written; the message says which file and what to do."""


class SeriesReader(ExposureFeed, ClockReader, Standing, Protocol):
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

    def rows_of_channels(self, channels: Sequence[int], t0: float, t1: float) -> dict[int, list[StoredPoint]]:
        """The same of several channels at once, by channel; one without points is left out."""
        ...

    def texts_between(self, channel: int, t0: float, t1: float) -> list[Text]: ...

    def minutes_between(self, channels: Sequence[int], m0: int, m1: int) -> list[Span]:
        """Stored minutes m0 <= end <= m1 of these channels, by channel, then minute."""
        ...

    def hours_between(self, channels: Sequence[int], h0: int, h1: int) -> list[Span]: ...

    def quarters_between(self, channels: Sequence[int], q0: int, q1: int) -> list[Span]: ...

    def days_between(self, channels: Sequence[int], m0: int, m1: int) -> list[Span]:
        """Local days whose last minute lies in m0 to m1."""
        ...

    def read(self, channel: int, t0: float, t1: float, resolution: Resolution) -> list[Sample]:
        """What to draw for t0 < time <= t1. Aggregates carry the time of their end."""
        ...

    def exposures(self, zone: str, kind: str, m0: int, m1: int) -> list[ExposureRow]:
        """Rows with m0 <= minute <= m1, ascending."""
        ...

    def latest_exposures(self, zones: Iterable[str]) -> list[ExposureRow]:
        """The newest row of each kind of each zone."""
        ...

    def highest(self, zone: str, kind: str, m0: int, m1: int, step: int) -> dict[int, float]:
        """The highest known value of every ``step`` minutes, by the last of them, a multiple of ``step``.

        Steps of whole hours are answered from the hours' summaries as far as there are any.
        """
        ...

    def exceedance(self, zone: str, kind: str, limit: float, m0: int, m1: int) -> Exceedance:
        """How the minutes stood against a limit. Of an hour whose minutes are not kept any more and that was
        partly above it, all minutes count as above."""
        ...

    def summaries(self, zone: str, kind: str, period: Period, m0: int, m1: int) -> list[Summary]:
        """Periods whose last minute lies in m0 to m1, ascending; only those that are over."""
        ...

    def revisions(self, zone: str, kind: str, m0: int, m1: int) -> list[Revision]:
        """Every replacement of exposures of these minutes, in the order in which they happened."""
        ...

    def quality_between(self, channel: int, m0: int, m1: int) -> list[QualityRow]: ...

    def quality_latest(self) -> list[QualityRow]:
        """Of each channel that is flagged at its newest minute that row."""
        ...

    def kept_from(self, what: Kept, name: str) -> int:
        """The first minute still kept of a channel's readings or minutes (``name`` is its id) or of a zone's
        minute exposures; 0 while nothing was deleted. What is older is kept as summaries only."""
        ...

    def thinned(self) -> dict[tuple[Kept, str], int]:
        """All of what `kept_from` says."""
        ...

    def close(self) -> None: ...


class SeriesStore(SeriesReader, RetakingStore, ClockStore, Protocol):
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

    def write_spans(self, width: Width, rows: Iterable[Span]) -> None: ...

    def write_minutes(self, rows: Iterable[Span]) -> None: ...

    def write_hours(self, rows: Iterable[Span]) -> None: ...

    def add_unfinished(self, spans: Iterable[Unfinished]) -> None:
        """Quarters, hours and days of channels that must be written (again) when they are over."""
        ...

    def unfinished(self, until: int, limit: int) -> list[Unfinished]:
        """Those that end at or before a minute, the oldest first."""
        ...

    def remove_unfinished(self, spans: Iterable[Unfinished]) -> None: ...

    def write_exposures(
        self,
        rows: Sequence[ExposureRow],
        *,
        gone: Iterable[ExposureKey] = (),
        cause: Callable[[str, int], Cause] | None = None,
        at: float = 0.0,
    ) -> int:
        """Stores what differs from what is there; returns how many rows that was. A stored row whose value,
        method, grade or calculation changes gets the next revision; an equal row is not written again.

        ``cause``: why the row of a kind and minute may be replaced; with it every replacement and every row
        taken away (``gone``) is kept in the revisions as of ``at`` [s].
        """
        ...

    def values_between(self, zone: str, kind: str, m0: int, m1: int) -> list[ValueRow]:
        """Minute, value and grade of the rows of a range, ascending."""
        ...

    def kinds_of(self, zone: str) -> list[str]:
        """The kinds of which anything is stored."""
        ...

    def write_summaries(self, rows: Iterable[Summary]) -> None:
        """Like exposures: equal ones are not written again, changed numbers get the next revision."""
        ...

    def remove_summaries(self, zone: str, kinds: Iterable[str], period: Period, m0: int, m1: int) -> None:
        """Takes away the summaries of periods whose last minute lies in m0 to m1."""
        ...

    def replace_quality(self, channel: int, m0: int, m1: int, rows: Iterable[QualityRow]) -> None:
        """Sets the flags of these minutes; those that are not named are in order."""
        ...

    def description(self, zone: str) -> str | None:
        """With which register the zone's exposures were computed, as the rollup wrote it down."""
        ...

    def set_description(self, zone: str, text: str) -> None: ...

    def recomputations(self) -> list[Recompute]: ...

    def set_recomputation(self, zone: str, ranges: Iterable[Recompute]) -> None:
        """Replaces what must be computed again of a zone."""
        ...

    def oldest_minute(self, channels: Iterable[int]) -> int | None:
        """The oldest stored minute of these channels."""
        ...

    def thin_channel(self, what: Kept, channel: int, before: int, width: int) -> int:
        """Deletes the oldest readings or minutes of a channel that end at or before a minute, at most those
        of ``width`` minutes; returns how many rows."""
        ...

    def thin_zone(self, zone: str, before: int, width: int) -> int:
        """The same for the minute exposures of a zone and their revisions."""
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
