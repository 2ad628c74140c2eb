"""The state of a channel's calibration, from the configuration documents that gateways report."""

from __future__ import annotations

import json
from collections import OrderedDict
from collections.abc import Callable
from datetime import UTC, date, datetime, time
from typing import Literal

from osh_domain.readings import Channel

State = Literal["valid", "overdue", "unknown"]
MOST_DOCUMENTS = 5_000
DAY_S = 86_400.0


class Calibrations:
    """Answers from documents found by their hash; a document that is not there yet is asked for again."""

    def __init__(self, configuration: Callable[[str], str | None]) -> None:
        self._configuration = configuration
        self._known: OrderedDict[str, dict[tuple[str, str], float]] = OrderedDict()

    def due(self, configuration_hash: str) -> dict[tuple[str, str], float]:
        """Until when [s since 1970 UTC] each (sensor, quantity) is calibrated, where a date is given."""
        found = self._known.get(configuration_hash)
        if found is not None:
            self._known.move_to_end(configuration_hash)
            return found
        document = self._configuration(configuration_hash)
        if document is None:
            return {}
        found = self._known[configuration_hash] = read_due(document)
        if len(self._known) > MOST_DOCUMENTS:
            self._known.popitem(last=False)
        return found


def state(due: dict[tuple[str, str], float], channel: Channel, at: float) -> State:
    """Whether the calibration of a channel was in date at that time."""
    until = due.get((channel.sensor, channel.quantity))
    if until is None:
        return "unknown"
    return "valid" if at < until else "overdue"


def read_due(document: str) -> dict[tuple[str, str], float]:
    """The due dates of a configuration document; what cannot be read is left out, so it counts as unknown."""
    try:
        content = json.loads(document)
    except (ValueError, RecursionError):
        return {}
    found: dict[tuple[str, str], float] = {}
    for sensor in _dicts(content, "sensors"):
        for channel in _dicts(sensor, "channels"):
            calibration = channel.get("cal")
            until = _end_of_day(calibration.get("due")) if isinstance(calibration, dict) else None
            if until is not None:
                found[str(sensor.get("id")), str(channel.get("quantity"))] = until
    return found


def _dicts(value: object, key: str) -> list[dict[str, object]]:
    items = value.get(key) if isinstance(value, dict) else None
    return [item for item in items if isinstance(item, dict)] if isinstance(items, list) else []


def _end_of_day(text: object) -> float | None:
    """A calibration holds through its due day, by UTC."""
    if not isinstance(text, str):
        return None
    try:
        day = date.fromisoformat(text[:10])
    except ValueError:
        return None
    return datetime.combine(day, time(), UTC).timestamp() + DAY_S
