"""Why sensors may not be believed now: from flags of their newest readings, and from what gateways report.

Reads at the edge and hands plain doubts to `alert_rules.watches`. A gateway says at its birth which sensors
hang on it, with serial numbers and calibrations; that document is stored by its hash for ever.
"""

import json
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Any, Final, NamedTuple, Protocol

from alert_rules.watches import Doubt
from ingest_service.calibration import Calibrations
from ingest_service.ledger.port import GatewayStatus, QuarantineEntry
from ingest_service.register.entries import ExpectedChannel, Site
from ingest_service.register.snapshot import RegisterSnapshot
from ingest_service.reported_serials import read_serials
from ingest_service.series.clocks import GatewayClock
from ingest_service.series.port import ChannelEntry, QualityRow
from osh_domain.quality import Flag
from osh_domain.quality_tests import QcTest

LEAST_SILENT_S: Final = 300.0
"""A channel that was not heard for five of its periods, but at least this long, says nothing now."""
NEWEST_S: Final = 900.0
"""A minute that ended longer ago says nothing of the present."""

Key = tuple[str, str]
"""Gateway and sensor."""


class Devices(Protocol):
    """What is known of gateways and of what hangs on them; the ledger has it."""

    def statuses(self) -> list[GatewayStatus]: ...

    def configuration(self, hash_: str) -> str | None: ...

    def quarantine(self, *, limit: int) -> list[QuarantineEntry]: ...


class Reported(NamedTuple):
    """What a gateway said of its sensors: serial numbers by sensor, and since when it says so."""

    serials: Mapping[str, str]
    configuration: str
    since: float


class DeviceBook:
    """What gateways reported, read again only where a birth is new."""

    def __init__(self, devices: Devices) -> None:
        self._devices = devices
        self._calibrations = Calibrations(devices.configuration)
        self._known: dict[str, tuple[float | None, Reported]] = {}

    def reported(self) -> dict[str, Reported]:
        """The newest word of each gateway that ever gave one."""
        found: dict[str, Reported] = {}
        for status in self._devices.statuses():
            before = self._known.get(status.gateway)
            if before is None or before[0] != status.birth_at:
                read = self._read(status)
                if read is None:
                    continue
                before = self._known[status.gateway] = (status.birth_at, read)
            found[status.gateway] = before[1]
        return found

    def due(self, configuration: str) -> Mapping[tuple[str, str], float]:
        """Until when each (sensor, quantity) of a configuration is calibrated."""
        return self._calibrations.due(configuration)

    def _read(self, status: GatewayStatus) -> Reported | None:
        name = _dict(status.birth).get("cfg")
        document = self._devices.configuration(name) if isinstance(name, str) else None
        if document is None or not isinstance(name, str):
            return None
        return Reported(read_serials(document), name, status.birth_at or 0.0)


def silent_sensors(
    expected: Iterable[ExpectedChannel], heard: Mapping[tuple[str, str, str], ChannelEntry], now: float
) -> set[str]:
    """Sensors of which no channel was heard of late."""
    speaking: set[str] = set()
    every: set[str] = set()
    for one in expected:
        name = f"{one.gateway}/{one.sensor}"
        every.add(name)
        entry = heard.get((one.gateway, one.sensor, one.quantity))
        last = entry.last_time if entry else None
        if last is not None and now - last <= max(LEAST_SILENT_S, 5.0 * one.period_s):
            speaking.add(name)
    return every - speaking


def stuck(flagged: Iterable[QualityRow], channels: Mapping[int, ChannelEntry], now: float) -> Iterator[Doubt]:
    """Channels whose newest minute was flagged as a flat line, unless they fell silent since."""
    for row in flagged:
        entry = channels.get(row.channel)
        fresh = now - 60.0 * row.minute <= NEWEST_S
        if entry is not None and fresh and row.tests & QcTest.FLAT_LINE:
            sensor = f"{entry.gateway}/{entry.sensor}"
            yield Doubt("stuck", sensor, 60.0 * row.minute, {"quantity": entry.quantity})


def misplaced(channels: Iterable[ChannelEntry]) -> Iterator[Doubt]:
    """Sensors whose newest reading is marked as not taken in its place."""
    for entry in channels:
        if (entry.last_flags or 0) & Flag.MISPLACED and entry.last_time is not None:
            yield Doubt("moved", f"{entry.gateway}/{entry.sensor}", entry.last_time, {"says": "misplaced"})


def clocks(expected: Iterable[ExpectedChannel], wrong: Iterable[GatewayClock]) -> Iterator[Doubt]:
    """Sensors of gateways whose clock is wrong: it stamps the readings of all of them."""
    by_gateway = {clock.gateway: clock for clock in wrong}
    for name in sorted({f"{one.gateway}/{one.sensor}" for one in expected if one.gateway in by_gateway}):
        clock = by_gateway[name.partition("/")[0]]
        detail = {"gateway": clock.gateway, "behind_min": f"{clock.behind / 60.0:.0f}"}
        yield Doubt("clock", name, clock.wrong_since or 0.0, detail)


def lapsed(
    expected: Iterable[ExpectedChannel], reported: Mapping[str, Reported], book: DeviceBook, now: float
) -> Iterator[Doubt]:
    """Expected channels whose calibration was due before now."""
    for one in expected:
        said = reported.get(one.gateway)
        until = book.due(said.configuration).get((one.sensor, one.quantity)) if said else None
        if until is not None and until <= now:
            # A calibration holds through its due day.
            day = datetime.fromtimestamp(until - 1.0, UTC).date().isoformat()
            detail = {"quantity": one.quantity, "due": day}
            yield Doubt("calibration", f"{one.gateway}/{one.sensor}", until, detail)


def moved(
    register: RegisterSnapshot, site: Site, reported: Mapping[str, Reported], now: float
) -> Iterator[Doubt]:
    """Sensors of a site that report another serial number than the registered one, or another place's."""
    registered: dict[Key, str] = {}
    for placement in _placements(register, site, now):
        if placement.serial:
            registered[placement.gateway, placement.sensor] = placement.serial.strip()
    homes: dict[str, list[Key]] = defaultdict(list)
    for key, serial in registered.items():
        homes[serial].append(key)
    for gateway in register.gateways_of(site.id):
        said = reported.get(gateway.id)
        for sensor, serial in (said.serials if said else {}).items():
            here = (gateway.id, sensor)
            due = registered.get(here)
            elsewhere = [f"{one}/{other}" for one, other in homes.get(serial, ()) if (one, other) != here]
            since = said.since if said else now
            if due == serial or (due is None and not elsewhere):
                continue
            detail = {"reported": serial, "registered": due or "", "other": ", ".join(elsewhere)}
            links = frozenset({serial, due} - {None}) if due else frozenset({serial})
            yield Doubt("moved", f"{gateway.id}/{sensor}", since, detail, frozenset(map(str, links)))


def _placements(register: RegisterSnapshot, site: Site, now: float) -> Iterator[Any]:
    for zone in register.zones_of(site.id):
        for placement in register.placements_in(zone.id):
            if placement.valid_at(now):
                yield placement


def _dict(text: str | None) -> dict[str, Any]:
    """A JSON object; what cannot be read is empty, so it says nothing."""
    try:
        found = json.loads(text) if text else {}
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}
