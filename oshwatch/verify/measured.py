"""How far the times and the calibrations of a bundle's readings go."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping
from typing import Any, Final

from ingest_service.calibration import State, read_due, state
from ingest_service.pack_reading import relative_to
from osh_domain.batch import Frame
from osh_domain.evidence.bundle import configuration_name
from osh_domain.quality import TimeQuality, time_quality
from osh_domain.readings import SYSTEM_SENSOR, Channel
from osh_domain.senml import read_pack
from osh_domain.wire_error import WireError
from oshwatch.verify.findings import Level, Report

HOUR_S: Final = 3600.0
MOST_HOURS: Final = 48
"""A batch of minutes whose header claims years says nothing about these years."""


class Measured:
    """Goes through batches; `documents`: configuration documents by the names of their files."""

    def __init__(self, report: Report, documents: Mapping[str, bytes]) -> None:
        self._report = report
        self._due = {
            name: read_due(document.decode("utf-8", "replace")) for name, document in documents.items()
        }
        self._hours: dict[tuple[str, int], TimeQuality] = {}
        self._states: defaultdict[str, Counter[State]] = defaultdict(Counter)

    def take(self, row: dict[str, Any], frame: Frame, where: str) -> None:
        """Note the clock and the calibrations of one batch."""
        head = frame.header
        quality = time_quality(head.clk, head.err)
        self._report.clocks[quality.name.lower()] += 1
        first, last = (int((head.off + mono) // HOUR_S) for mono in head.mono)
        for hour in range(first, min(last, first + MOST_HOURS) + 1):
            key = (head.gw, hour)
            self._hours[key] = max(quality, self._hours.get(key, TimeQuality.SYNCED))
        due = self._due.get(configuration_name(head.cfg), {})
        try:
            records = read_pack(frame.pack, relative_to(head, float(row["received_at"])))
        except WireError as error:
            self._report.note(Level.BROKEN, where, f"its measurements cannot be read ({error})")
            return
        for record in records:
            if type(record.value) is not float:
                continue
            try:
                channel = Channel.parse(record.name)
            except ValueError:
                continue  # the service keeps such a record and shows it as a remark
            if channel.sensor != SYSTEM_SENSOR:
                self._states[record.name][state(due, channel, record.time)] += 1

    def finish(self) -> None:
        """Sum up."""
        hours = Counter(quality.name.lower() for quality in self._hours.values())
        self._report.clock_hours = dict(sorted(hours.items()))
        self._report.calibration_states = {
            channel: dict(sorted(states.items())) for channel, states in sorted(self._states.items())
        }
