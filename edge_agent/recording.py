"""A recording: a CSV file of measurements, read so that every row is accounted for."""

from __future__ import annotations

import csv
import datetime as dt
import hashlib
import io
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from osh_domain.quantities import convert, quantity

NOTHING = frozenset({"", "na", "n/a", "null", "none", "-"})
DELIMITERS = ",;\t"
ROW_NAMES = "row name"  # the column some writers leave out of their header


class RecordingError(Exception):
    """The file cannot be played at all; the sentence names file, problem and way out."""


class Column(NamedTuple):
    """Where a column goes: a channel of a sensor, and the unit its numbers are written in."""

    name: str
    sensor: str
    quantity: str
    unit: str

    @classmethod
    def parse(cls, text: str) -> Column:
        """From `COLUMN=sensor/quantity[:unit]`. Raises ValueError, with near matches for the quantity."""
        name, equals, target = text.rpartition("=")
        channel, _, unit = target.partition(":")
        sensor, slash, measured = channel.partition("/")
        if not equals or not slash or not name or not sensor:
            raise ValueError(f"{text!r} is not COLUMN=sensor/quantity, for example Temperature=st1/ta")
        row = quantity(measured)
        unit = unit or row.unit
        convert(0.0, unit, row.unit)
        return cls(name, sensor, measured, unit)


class Row(NamedTuple):
    """One line of the file: its time in s UTC and what its cells say, by column name."""

    line: int
    time: float
    values: dict[str, float]


class RefusedRow(NamedTuple):
    """A line that cannot be played, and why."""

    line: int
    reason: str


@dataclass
class Recording:
    """What a file holds. `rows_in_file` = played rows + refused rows, always."""

    digest: str
    columns: tuple[Column, ...]
    rows: list[Row] = field(default_factory=list)
    refused: list[RefusedRow] = field(default_factory=list)
    empty_cells: int = 0

    @property
    def rows_in_file(self) -> int:
        return len(self.rows) + len(self.refused)

    def period_s(self) -> float:
        """The usual distance of two rows in s."""
        steps = [b.time - a.time for a, b in zip(self.rows, self.rows[1:], strict=False)]
        return round(sorted(steps)[len(steps) // 2], 3) if steps else 60.0

    def shifted(self, seconds: float) -> None:
        """Move every row in time."""
        self.rows = [row._replace(time=row.time + seconds) for row in self.rows]


@dataclass(frozen=True)
class TimeColumn:
    """How a row tells its time: ISO 8601, or `format` of strptime, or seconds since 1970 UTC.

    Times that carry no offset are local to `zone`; without a zone they are refused.
    """

    name: str
    zone: str | None = None
    format: str | None = None

    def read(self, text: str, after: float) -> float:
        """The instant in s UTC. An hour that comes twice is taken as the one later than `after`."""
        text = text.strip()
        if not text:
            raise ValueError("no time")
        if self.format is None and text.replace(".", "", 1).isdigit() and float(text) > 1e8:
            return float(text)
        stamp = self._parse(text)
        if stamp.tzinfo is not None:
            return stamp.timestamp()
        if self.zone is None:
            raise ValueError(f"{text!r} has no offset from UTC; say which zone it is in with --time-zone")
        return _local(stamp, ZoneInfo(self.zone), after)

    def _parse(self, text: str) -> dt.datetime:
        try:
            if self.format is not None:
                return dt.datetime.strptime(text, self.format)  # noqa: DTZ007 - the zone comes with the column
            return dt.datetime.fromisoformat(text)
        except ValueError:
            expected = self.format or "ISO 8601"
            raise ValueError(f"not a time: {text!r} (expected {expected})") from None


def read_recording(path: Path, columns: tuple[Column, ...], time_column: TimeColumn) -> Recording:
    """Read a whole file. Raises RecordingError when no row of it can be played."""
    try:
        raw = path.read_bytes()
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise RecordingError(f"{path}: not UTF-8 at byte {error.start}; save it as UTF-8") from None
    except OSError as error:
        raise RecordingError(f"{path}: {error.strerror}") from None
    _check_zone(time_column.zone)
    header, body = _lines(path, text)
    needed = [time_column.name, *(column.name for column in columns)]
    missing = [name for name in needed if name not in header]
    if missing:
        raise RecordingError(
            f"{path}: no column {', '.join(map(repr, missing))}; the file has {', '.join(map(repr, header))}"
        )
    recording = Recording(hashlib.sha256(raw).hexdigest(), columns)
    for line, cells in body:
        _take(recording, header, line, cells, time_column)
    if not recording.rows:
        first = (
            f"; line {recording.refused[0].line}: {recording.refused[0].reason}" if recording.refused else ""
        )
        raise RecordingError(f"{path}: no row can be played{first}")
    return recording


def _lines(path: Path, text: str) -> tuple[list[str], Iterator[tuple[int, list[str]]]]:
    first_line = text.partition("\n")[0]
    delimiter = max(DELIMITERS, key=first_line.count)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
    header = [name.strip() for name in next(reader, [])]
    if len(header) < 2:
        raise RecordingError(f"{path}: the first line is no header of several columns")
    rows = [(reader.line_num, cells) for cells in reader if cells]
    if rows and len(rows[0][1]) == len(header) + 1:
        # R's write.table leaves the column of row names out of the header.
        header.insert(0, ROW_NAMES)
    return header, iter(rows)


def _take(
    recording: Recording, header: list[str], line: int, cells: list[str], time_column: TimeColumn
) -> None:
    try:
        if len(cells) != len(header):
            raise ValueError(f"{len(cells)} fields where the header has {len(header)}")  # noqa: TRY301
        named = dict(zip(header, cells, strict=True))
        before = recording.rows[-1].time if recording.rows else -math.inf
        time = round(time_column.read(named[time_column.name], before), 3)
        if time <= before:
            raise ValueError("not later than the row before")  # noqa: TRY301
        values, empty = _values(named, recording.columns)
    except ValueError as error:
        recording.refused.append(RefusedRow(line, str(error)))
        return
    recording.empty_cells += empty
    recording.rows.append(Row(line, time, values))


def _values(named: Mapping[str, str], columns: tuple[Column, ...]) -> tuple[dict[str, float], int]:
    values: dict[str, float] = {}
    for column in columns:
        text = named[column.name].strip()
        if text.lower() in NOTHING:
            continue
        try:
            value = float(text)
        except ValueError:
            raise ValueError(f"{column.name}: not a number: {text[:40]!r}") from None
        if not math.isfinite(value):
            raise ValueError(f"{column.name}: {text} is no measurement")
        values[column.name] = convert(value, column.unit, quantity(column.quantity).unit)
    if not values:
        raise ValueError("no value in any mapped column")
    return values, len(columns) - len(values)


def _local(stamp: dt.datetime, zone: ZoneInfo, after: float) -> float:
    candidates = [stamp.replace(tzinfo=zone, fold=fold) for fold in (0, 1)]
    real = [
        found.timestamp()
        for found in candidates
        if dt.datetime.fromtimestamp(found.timestamp(), zone).replace(tzinfo=None) == stamp
    ]
    if not real:
        raise ValueError(f"{stamp} does not exist in {zone.key}: the clocks went forward")
    return next((t for t in sorted(real) if t > after), real[0])


def _check_zone(name: str | None) -> None:
    if name is None:
        return
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError):
        raise RecordingError(f"no time zone {name!r}; take a name like Asia/Phnom_Penh") from None
