"""Sensors that report another serial number than the register has for their place.

A gateway's configuration document names its sensors with their serial numbers, and each batch names its
document. A reading of a sensor whose reported number contradicts the registered one was not taken where the
register says: two sensors were swapped, or one was replaced and nobody wrote it down. Nobody knows which
place it describes, so it enters no exposure until the register says which sensor hung there and from when.
"""

from __future__ import annotations

import json
import math
from collections import OrderedDict, defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping
from typing import Final

from ingest_service.register.snapshot import RegisterSnapshot

MOST_DOCUMENTS: Final = 5_000
_NO_SERIAL: Final = frozenset({"", "unknown", "none", "n/a"})

Stretch = tuple[float, float]
"""Instants from one until before another [s]."""
Placed = Mapping[str, list[tuple[str, float, float]]]
"""Sensor -> the serial numbers registered for it, with from when until when each stood somewhere."""
Wrong = Mapping[str, tuple[Stretch, ...]]
"""Sensor -> when it stood, by the register, where another one should."""


def read_serials(document: str | None) -> dict[str, str]:
    """Serial number by sensor, as a configuration document says; what cannot be read says nothing."""
    try:
        content = json.loads(document) if document else None
    except (ValueError, RecursionError):
        return {}
    listed = content.get("sensors") if isinstance(content, dict) else None
    found = {
        str(one.get("id")): str(one.get("serial", "")).strip()
        for one in (listed if isinstance(listed, list) else ())
        if isinstance(one, dict)
    }
    return {sensor: serial for sensor, serial in found.items() if serial.lower() not in _NO_SERIAL}


def placed_serials(register: RegisterSnapshot) -> dict[str, Placed]:
    """What the register says of the serial numbers of each gateway's sensors."""
    found: defaultdict[str, dict[str, list[tuple[str, float, float]]]] = defaultdict(dict)
    for one in register.placements:
        if one.serial and one.serial.strip():
            until = math.inf if one.valid_to is None else one.valid_to
            stood = one.serial.strip(), one.valid_from, until
            found[one.gateway].setdefault(one.sensor, []).append(stood)
    return dict(found)


def contradicted(reported: Mapping[str, str], placed: Placed) -> dict[str, tuple[Stretch, ...]]:
    """When each sensor, as it is reported, contradicts the register; stretches that touch are one.

    >>> contradicted({"st1": "B"}, {"st1": [("A", 0.0, 60.0), ("A", 60.0, 90.0), ("B", 90.0, 120.0)]})
    {'st1': ((0.0, 90.0),)}
    """
    found: dict[str, tuple[Stretch, ...]] = {}
    for sensor, serial in reported.items():
        wrong = [(begin, end) for other, begin, end in placed.get(sensor, ()) if other != serial]
        if wrong:
            found[sensor] = _joined(wrong)
    return found


def _joined(stretches: Iterable[Stretch]) -> tuple[Stretch, ...]:
    found: list[Stretch] = []
    for begin, end in sorted(stretches):
        if found and begin <= found[-1][1]:
            found[-1] = found[-1][0], max(found[-1][1], end)
        else:
            found.append((begin, end))
    return tuple(found)


class ReportedSerials:
    """Which sensors of a batch stand in another's place, by its document and the register of the moment."""

    def __init__(self, configuration: Callable[[str], str | None]) -> None:
        self._configuration = configuration
        self._documents: OrderedDict[str, dict[str, str]] = OrderedDict()
        self._placed: dict[str, Placed] = {}
        self._wrong: dict[tuple[str, str], Wrong] = {}

    def follow(self, register: RegisterSnapshot) -> None:
        """Answer by this register from now on."""
        self._placed = placed_serials(register)
        self._wrong.clear()

    @property
    def gateways(self) -> Collection[str]:
        """Those of whose sensors the register has serial numbers."""
        return self._placed.keys()

    def placed(self, gateway: str) -> Placed:
        return self._placed.get(gateway, {})

    def reported(self, configuration_hash: str) -> Mapping[str, str]:
        """Serial number by sensor; a document that is not there yet is asked for again."""
        known = self._documents.get(configuration_hash)
        if known is None:
            document = self._configuration(configuration_hash)
            if document is None:
                return {}
            known = self._documents[configuration_hash] = read_serials(document)
            if len(self._documents) > MOST_DOCUMENTS:
                self._documents.popitem(last=False)
        return known

    def wrong(self, gateway: str, configuration_hash: str) -> Wrong:
        """When which sensors of a gateway that reports this document stood in another's place."""
        key = gateway, configuration_hash
        found = self._wrong.get(key)
        if found is None:
            reported = self.reported(configuration_hash)
            found = contradicted(reported, self.placed(gateway))
            if reported:
                self._wrong[key] = found
        return found


def within(stretches: Iterable[Stretch], t: float) -> bool:
    """Whether an instant lies in any of the stretches."""
    return any(begin <= t < end for begin, end in stretches)
