"""Plays a recording (CSV) as if its sensor were here.

In `oshwatch agent run` the first row is played now and the others follow at their own distance. In `oshwatch
agent replay` the clock itself follows the recording, so that every row keeps its own time.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import ClassVar

from edge_agent.buses import Bus, NoBus
from edge_agent.clock import Clock
from edge_agent.driver import ChannelInfo, DeviceInfo, DriverError, Sample
from edge_agent.recording import Column, Recording, RecordingError, Row, TimeColumn, read_recording
from osh_domain.quantities import quantity

OPTIONS = ("file", "columns", "time_column", "time_zone", "time_format", "repeat")
SENSOR = "self"


class Replay:
    """Options as in OPTIONS; `columns` maps a column to "quantity[:unit]"."""

    kind: ClassVar[str] = "replay"
    api: ClassVar[int] = 1

    @classmethod
    def check(cls, options: Mapping[str, object]) -> list[str]:
        known = ", ".join(OPTIONS)
        problems = [f"unknown option {key!r}; known are {known}" for key in options if key not in OPTIONS]
        problems += [
            f"{key} is missing" for key in ("file", "columns", "time_column") if not options.get(key)
        ]
        columns = options.get("columns")
        if isinstance(columns, Mapping):
            for name, target in columns.items():
                try:
                    Column.parse(f"{name}={SENSOR}/{target}")
                except ValueError as error:
                    problems.append(f"columns: {name}: {error}")
        elif columns is not None:
            problems.append('columns is not a table like {Temperature = "ta"}')
        return problems

    def __init__(self, options: Mapping[str, object], bus: Bus, clock: Clock) -> None:
        del bus
        self._options = options
        self._clock = clock
        self._recording: Recording | None = None
        self._columns: tuple[Column, ...] = ()
        self._next = 0
        self._shift = 0.0
        self._repeat = bool(options.get("repeat", False))

    @classmethod
    def of(cls, recording: Recording, sensor: str, clock: Clock) -> Replay:
        """For a recording that is read already and shared by several sensors; rows keep their own times."""
        driver = cls({}, NoBus(), clock)
        driver._recording = recording
        driver._columns = tuple(column for column in recording.columns if column.sensor == sensor)
        return driver

    def skip(self, rows: int) -> None:
        """Begin behind the first `rows` rows."""
        self._next = rows

    def open(self) -> DeviceInfo:
        """Read the file; it stays in memory."""
        if self._recording is None:
            self._recording = self._load()
            self._columns = self._recording.columns
            self._shift = self._clock.wall() - self._recording.rows[0].time
        period = self._recording.period_s()
        channels = []
        for column in self._columns:
            row = quantity(column.quantity)
            channels.append(
                ChannelInfo(row.id, row.unit, row.low, row.high, "as recorded, not stated", period)
            )
        return DeviceInfo("recording", self._recording.digest[:16], "", tuple(channels))

    def read(self) -> Sequence[Sample]:
        """The next row, once its time has come; empty before that, and after the last one."""
        row = self._due()
        if row is None:
            return []
        return [
            Sample(column.quantity, row.values[column.name], 0)
            for column in self._columns
            if column.name in row.values
        ]

    def close(self) -> None:
        return

    def _due(self) -> Row | None:
        recording = self._recording
        if recording is None:
            raise DriverError("missing", "the recording was not opened")
        if self._next == len(recording.rows) and self._repeat:
            self._next = 0
            self._shift = self._clock.wall() - recording.rows[0].time
        if self._next == len(recording.rows):
            return None
        row = recording.rows[self._next]
        if row.time + self._shift > self._clock.wall():
            return None
        self._next += 1
        return row

    def _load(self) -> Recording:
        columns = self._options["columns"]
        mapped = columns.items() if isinstance(columns, Mapping) else ()
        parsed = tuple(Column.parse(f"{name}={SENSOR}/{target}") for name, target in mapped)
        zone, time_format = self._options.get("time_zone"), self._options.get("time_format")
        time_column = TimeColumn(
            str(self._options["time_column"]),
            str(zone) if zone is not None else None,
            str(time_format) if time_format is not None else None,
        )
        try:
            return read_recording(Path(str(self._options["file"])), parsed, time_column)
        except RecordingError as error:
            raise DriverError("missing", str(error), permanent=True) from error
