"""From a driver's samples to records: gain, offset, range, and the word on how the sensor is."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Mapping

from edge_agent.driver import ChannelInfo, Fault, Sample
from edge_agent.outbox.records import OpenRecord
from edge_agent.sampling import Taken
from edge_agent.settings import Calibration, SensorSettings
from osh_domain.quality import Flag
from osh_domain.quantities import UnknownQuantity, quantity

STATUS_EVERY_S = 3600.0
AGGREGATE_S = 60.0


class SensorIntake:
    """One sensor's channels and calibrations. Keeps only what it last said about the sensor's state."""

    def __init__(self, settings: SensorSettings) -> None:
        self.settings = settings
        self.channels: dict[str, ChannelInfo] = {}
        self.readings = 0
        self.failures = 0
        self._calibrations: Mapping[str, Calibration] = {
            channel.quantity: channel.cal for channel in settings.channels if channel.cal is not None
        }
        self._said: str | None = None
        self._said_at = -math.inf

    def records(self, taken: Taken, day: dt.date, *, lean: bool = False) -> list[OpenRecord]:
        """The records of one read. `day` (UTC) judges calibrations; `lean` drops what is faster than 60 s."""
        made: list[OpenRecord] = []
        state: Fault | str = taken.fault or "ok"
        for sample in taken.samples:
            if sample.quantity not in self.channels:
                continue
            record = self._record(sample, taken.mono, day)
            if record is None:
                state = "fault"
            elif not lean or self.channels[sample.quantity].period_s >= AGGREGATE_S:
                made.append(record)
                if record.flags & Flag.CLIPPED and state == "ok":
                    state = "range"
        self.readings += len(made)
        self.failures += state not in ("ok", "range")
        return [*made, *self._status(state, taken.mono)]

    def _record(self, sample: Sample, mono: float, day: dt.date) -> OpenRecord | None:
        """None for a sample that is no measurement; it is told by the status, never by a number."""
        value, flags = sample.value, sample.flags
        if value is None or (isinstance(value, float) and not math.isfinite(value)):
            return None
        info = self.channels[sample.quantity]
        if not isinstance(value, bool | str):
            calibration = self._calibrations.get(sample.quantity)
            if calibration is not None:
                value = value * calibration.gain + calibration.offset
                flags |= Flag.CALIBRATION_OVERDUE if day >= calibration.due else 0
            # At its upper end a sensor may stand for anything beyond; zero is what clean air gives.
            if not info.low <= value < info.high:
                flags |= Flag.CLIPPED
        return OpenRecord(mono, self.settings.id, sample.quantity, value, info.unit or None, int(flags))

    def _status(self, state: str, mono: float) -> list[OpenRecord]:
        if state == self._said and mono - self._said_at < STATUS_EVERY_S:
            return []
        self._said, self._said_at = state, mono
        return [OpenRecord(mono, self.settings.id, "status", state, None, 0)]


def channel_problem(info: ChannelInfo) -> str | None:
    """Why what a device offers cannot be kept: an unknown quantity, or the unit of another one."""
    try:
        row = quantity(info.quantity)
    except UnknownQuantity as error:
        return str(error)
    if info.unit != row.unit:
        return f"{info.quantity} comes in {info.unit!r}, it is measured in {row.unit!r}"
    return None


def usable(channels: Mapping[str, ChannelInfo]) -> tuple[dict[str, ChannelInfo], list[str]]:
    """The channels that can be kept, and why the others cannot."""
    problems = {name: channel_problem(info) for name, info in channels.items()}
    kept = {name: info for name, info in channels.items() if problems[name] is None}
    return kept, [problem for problem in problems.values() if problem is not None]
