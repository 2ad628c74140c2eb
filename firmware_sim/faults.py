"""Faults and happenings on request: which, where, from when, for how long.

Written as text for the command line, ``silence:kh-f0123-a/st1/ta@10:20+30m`` or
``clock-skew:kh-f0123-a@+2h+30m=90s``, or as the same words in a scenario file. A start ``10:20`` is the
site's wall time, first met after the run's start, ``d2 10:20`` the same on the second day; ``+2h`` counts
from the run's start.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from firmware_sim.fault_targets import check_target
from firmware_sim.fleet import Fleet
from firmware_sim.happenings import AT_SITES, Event, Happening
from firmware_sim.instants import InstantError, instant, seconds


class FaultKind(StrEnum):
    """What can go wrong with sensors, gateways and clocks, and what can happen in the world."""

    SILENCE = "silence"  # a sensor or a channel answers no more; a gateway loses its network
    STUCK = "stuck"  # a sensor or a channel shows the same value again and again
    DRIFT = "drift"  # a channel shows more and more beyond the truth, `amount` of its unit an hour
    GLOBE_OFF = "globe-off"  # the ball is off: the globe thermometer shows the temperature of the air
    SWAPPED = "swapped"  # a sensor and another of its kind have changed places, with their serial numbers
    REPEATS = "repeats"  # a gateway sends each batch again although it was acknowledged
    CLOCK_SKEW = "clock-skew"  # a gateway's clock is wrong by `amount` s, and it does not know
    CLOCK_LOST = "clock-lost"  # it is wrong, and the gateway knows that nothing keeps it right
    POWER_CUT = "power-cut"  # a gateway stops without a word and starts with a new boot
    HEAT_WAVE = Happening.HEAT_WAVE.value
    OVERTIME = Happening.OVERTIME.value
    SOLVENT_RELEASE = Happening.SOLVENT_RELEASE.value
    CO_RELEASE = Happening.CO_RELEASE.value
    DUST = Happening.DUST.value


HAPPENING = frozenset(one.value for one in Happening)
WHOLE_GATEWAY = frozenset(
    {FaultKind.REPEATS, FaultKind.CLOCK_SKEW, FaultKind.CLOCK_LOST, FaultKind.POWER_CUT}
)
_TEXT = re.compile(r"(?P<kind>[a-z-]+):(?P<target>[^@]+)@(?P<at>\+?[^+=]+)\+(?P<span>[^=]+)(?:=(?P<by>.+))?")
_NUMBER = re.compile(r"([+-]?\d+(?:\.\d+)?)(.*)")
DEFAULT_SKEW_S = 90.0
ANNOUNCED = "announced"
# By how much: unit as written, and what it is when nothing is said.
_AMOUNTS: dict[FaultKind, tuple[str, float]] = {
    FaultKind.DRIFT: ("/h", 0.3),
    FaultKind.HEAT_WAVE: ("K", 4.0),
    FaultKind.SOLVENT_RELEASE: ("", 250.0),
    FaultKind.CO_RELEASE: ("ppm", 300.0),
    FaultKind.DUST: ("x", 6.0),
}


class FaultError(ValueError):
    """Fault requests that cannot be met; the text holds every mistake, a line each."""


@dataclass(frozen=True)
class FaultRequest:
    """A fault as asked for, before it is known when the run starts."""

    kind: str
    target: str
    at: str
    span: str
    by: str | None = None

    def __str__(self) -> str:
        return f"{self.kind}:{self.target}@{self.at}+{self.span}" + (f"={self.by}" if self.by else "")


@dataclass(frozen=True)
class Fault:
    """A fault in force in [begin, end), instants in seconds since 1970 UTC.

    `by_s`: a clock's error in s; `amount`: how much of another kind, see `FaultKind`; `other`: the sensor it
    is swapped with; `announced`: overtime that the calendar knows of.
    """

    kind: FaultKind
    target: str
    begin: float
    end: float
    by_s: float = 0.0
    amount: float = 0.0
    other: str = ""
    announced: bool = False

    @property
    def gateway(self) -> str:
        return self.target.partition("/")[0]

    def active(self, t: float) -> bool:
        return self.begin <= t < self.end

    def strikes(self, sensor: str, quantity: str) -> bool:
        """Whether a channel of its gateway is meant: a whole sensor, one channel, or the whole gateway."""
        parts = self.target.split("/")
        return (len(parts) < 2 or parts[1] == sensor) and (len(parts) < 3 or parts[2] == quantity)


def parse(text: str) -> FaultRequest:
    """Read the text form. Raises FaultError."""
    found = _TEXT.fullmatch(text.strip())
    if found is None:
        raise FaultError(
            f"{text!r} is not KIND:TARGET@START+FOR, for example silence:kh-f0123-a/st1/ta@10:20+30m"
        )
    return FaultRequest(found["kind"], found["target"], found["at"], found["span"], found["by"])


def resolve(requests: Iterable[FaultRequest], fleet: Fleet, start: float) -> tuple[Fault, ...]:
    """The faults of a run that starts at `start`, by time. Raises FaultError with every mistake."""
    faults: list[Fault] = []
    mistakes: list[str] = []
    for request in requests:
        try:
            faults += _resolve(request, fleet, start)
        except (FaultError, InstantError) as error:
            mistakes.append(f"{request}: {error}")
    faults.sort(key=lambda fault: (fault.begin, fault.target, fault.kind))
    mistakes += _overlaps(faults)
    if mistakes:
        raise FaultError("\n".join(mistakes))
    return tuple(faults)


def happenings(faults: Iterable[Fault]) -> tuple[Event, ...]:
    """What of it happens in the world, for `Fleet.with_events`."""
    return tuple(
        Event(Happening(fault.kind), fault.target, fault.begin, fault.end, fault.amount)
        for fault in faults
        if fault.kind.value in HAPPENING
    )


def _resolve(request: FaultRequest, fleet: Fleet, start: float) -> list[Fault]:
    try:
        kind = FaultKind(request.kind)
    except ValueError:
        raise FaultError(f"no such fault; faults are {', '.join(FaultKind)}") from None
    at_sites = kind.value in {one.value for one in AT_SITES}
    at_zones = kind.value in HAPPENING and not at_sites
    try:
        site = check_target(
            request.target,
            fleet,
            site=at_sites,
            zone=at_zones,
            gateway=kind in WHOLE_GATEWAY or kind is FaultKind.SILENCE,
            part=kind not in WHOLE_GATEWAY,
            what=kind.value,
        )
    except ValueError as error:
        raise FaultError(str(error)) from None
    begin = instant(request.at, start, fleet.factory(site).roster.zone)
    span = seconds(request.span)
    if span <= 0.0:
        raise FaultError("it lasts no time; write for example 30m")
    fault = Fault(kind, request.target, begin, begin + span)
    return [fault] if kind is FaultKind.STUCK else _with_amount(fault, request.by, fleet)


def _with_amount(fault: Fault, by: str | None, fleet: Fleet) -> list[Fault]:
    kind, target, begin, end = fault.kind, fault.target, fault.begin, fault.end
    if kind in (FaultKind.CLOCK_SKEW, FaultKind.CLOCK_LOST):
        return [Fault(kind, target, begin, end, by_s=DEFAULT_SKEW_S if by is None else seconds(by))]
    if kind in _AMOUNTS:
        return [Fault(kind, target, begin, end, amount=_amount(by, *_AMOUNTS[kind]))]
    if kind is FaultKind.OVERTIME:
        if by not in (None, ANNOUNCED):
            raise FaultError(f"by {by!r}: overtime is {ANNOUNCED} or nothing is said")
        return [Fault(kind, target, begin, end, amount=1.0, announced=by is not None)]
    if kind is FaultKind.SWAPPED:
        return _both(fault, by, fleet)
    if by is not None:
        raise FaultError(f"{kind} has no amount; leave {by!r} out")
    return [fault]


def _both(fault: Fault, other: str | None, fleet: Fleet) -> list[Fault]:
    models = {f"{one.gateway}/{one.sensor}": one.instrument.model for one in fleet.sensors}
    if fault.target not in models or other not in models or other == fault.target:
        raise FaultError("swapped needs two sensors; write swapped:GATEWAY/SENSOR@START+FOR=GATEWAY/SENSOR")
    if models[fault.target] != models[other]:
        raise FaultError(f"{fault.target} and {other} are not of one model and cannot be mistaken")
    kind, begin, end = fault.kind, fault.begin, fault.end
    return [
        Fault(kind, fault.target, begin, end, other=other),
        Fault(kind, other, begin, end, other=fault.target),
    ]


def _amount(text: str | None, unit: str, usual: float) -> float:
    if text is None:
        return usual
    found = _NUMBER.fullmatch(text.strip())
    if found is None or found[2] != unit:
        raise FaultError(f"{text!r} is no amount; write for example {usual:g}{unit}")
    return float(found[1])


def _overlaps(faults: Sequence[Fault]) -> list[str]:
    """A gateway that is off cannot be cut off again, and one clock cannot be wrong in two ways."""
    mistakes = []
    last: dict[tuple[bool, FaultKind | None, str], Fault] = {}
    for fault in faults:
        if fault.kind not in WHOLE_GATEWAY | {FaultKind.SWAPPED}:
            continue
        clock = fault.kind in (FaultKind.CLOCK_SKEW, FaultKind.CLOCK_LOST)
        key = (clock, None if clock else fault.kind, fault.target)
        before = last.get(key)
        if before is not None and fault.begin < before.end:
            mistakes.append(f"{fault.kind}:{fault.target} begins again before it has ended")
        last[key] = fault
    return mistakes
