"""What people must, may or cannot be told in a scenario: where, of what, how severely, when."""

from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any

from firmware_sim.fleet import Fleet
from firmware_sim.instants import instant

SEVERITIES = ("notice", "warning", "danger")
HAZARDS = ("heat", "noise", "air", "silence", "device")
_KEYS = ("at", "hazard", "subject", "severity", "from", "until", "why")


@dataclass(frozen=True)
class ExpectationRequest:
    """As written; times are those of a fault, empty for the run's beginning and end."""

    at: str
    hazard: str
    subject: str = ""
    severity: str = SEVERITIES[0]
    begin: str = ""
    end: str = ""
    why: str = ""


@dataclass(frozen=True)
class Expectation:
    """Resolved: something of `hazard` at `at`, at least `severity`, told in [begin, end]."""

    at: str
    hazard: str
    subject: str
    severity: str
    begin: float
    end: float
    why: str

    def about(self, places: tuple[str, ...], hazard: str, subject: str) -> bool:
        """Whether a case of this hazard and subject at these places is meant.

        A place is a site, a zone, a gateway, a sensor or a channel; what is within it is meant as well.
        """
        if hazard != self.hazard or (self.subject and subject != self.subject):
            return False
        # What is doubted of a device has its kind before its name: `moved:kh-f0123-a/st1`.
        names = (*places, subject, subject.partition(":")[2])
        return any(name == self.at or name.startswith(self.at + "/") for name in names)


def read_expectation(entry: Any) -> ExpectationRequest | list[str]:
    """Read one entry, or say all that is wrong with it."""
    if not isinstance(entry, dict):
        return [f"is not a mapping with {', '.join(_KEYS)}"]
    mistakes = [f"unknown key {key!r}; known are {', '.join(_KEYS)}" for key in entry if key not in _KEYS]
    mistakes += [
        f'{key} must be text; write it in quotes, like "10:20"'
        for key in _KEYS
        if key in entry and not isinstance(entry[key], str)
    ]
    mistakes += [f"{key} is missing" for key in ("at", "hazard") if key not in entry]
    for key, known in (("hazard", HAZARDS), ("severity", SEVERITIES)):
        if isinstance(entry.get(key), str) and entry[key] not in known:
            mistakes.append(f"{key} {entry[key]!r} is none of {', '.join(known)}")
    if mistakes:
        return mistakes
    return ExpectationRequest(
        entry["at"],
        entry["hazard"],
        entry.get("subject", ""),
        entry.get("severity", SEVERITIES[0]),
        entry.get("from", ""),
        entry.get("until", ""),
        entry.get("why", ""),
    )


def resolve(request: ExpectationRequest, fleet: Fleet, start: float, end: float) -> Expectation:
    """With its times. ValueError or InstantError says what is wrong."""
    site = _site_of(request.at, fleet)
    zone = fleet.factory(site).roster.zone
    begin = instant(request.begin, start, zone) if request.begin else start
    until = instant(request.end, start, zone) if request.end else end
    if until <= begin:
        raise ValueError(f"{request.at}: until {request.end!r} is not after from {request.begin!r}")
    return Expectation(
        request.at, request.hazard, request.subject, request.severity, begin, until, request.why
    )


def _site_of(place: str, fleet: Fleet) -> str:
    known: dict[str, str] = {}
    for factory in fleet.factories:
        known[factory.site] = factory.site
        known |= {f"{factory.site}/{plan.word}": factory.site for plan in factory.zones}
    for sensor in fleet.sensors:
        name = f"{sensor.gateway}/{sensor.sensor}"
        known |= {sensor.gateway: sensor.site, name: sensor.site}
        known |= {f"{name}/{measure.quantity}": sensor.site for measure in sensor.instrument.measures}
    if place not in known:
        near = get_close_matches(place, sorted(known), n=1)
        raise ValueError(
            f"there is no {place!r} in this fleet" + (f"; did you mean {near[0]}?" if near else "")
        )
    return known[place]
