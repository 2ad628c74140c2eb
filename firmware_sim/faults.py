"""Faults on request: which, where, from when, for how long.

Written as text for the command line, ``silence:kh-f0123-a/st1/ta@10:20+30m`` or
``clock-skew:kh-f0123-a@+2h+30m=90s``, or as the same words in a scenario file. A start ``10:20`` is the
site's wall time, first met after the fleet's start; ``+2h`` counts from the fleet's start.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from difflib import get_close_matches
from enum import StrEnum
from zoneinfo import ZoneInfo

from firmware_sim.fleet import Fleet


class FaultKind(StrEnum):
    """What can go wrong on request."""

    SILENCE = "silence"  # a sensor or a channel answers no more; a gateway loses its network
    STUCK = "stuck"  # a sensor or a channel shows the same value again and again
    REPEATS = "repeats"  # a gateway sends each batch again although it was acknowledged
    CLOCK_SKEW = "clock-skew"  # a gateway's clock is wrong by `by_s`, and it does not know
    POWER_CUT = "power-cut"  # a gateway stops without a word and starts with a new boot


_WHOLE_GATEWAY = frozenset({FaultKind.REPEATS, FaultKind.CLOCK_SKEW, FaultKind.POWER_CUT})
_TEXT = re.compile(r"(?P<kind>[a-z-]+):(?P<target>[^@]+)@(?P<at>\+?[^+=]+)\+(?P<span>[^=]+)(?:=(?P<by>.+))?")
_SPAN = re.compile(r"(-?\d+(?:\.\d+)?)(s|m|h)")
_SPAN_S = {"s": 1.0, "m": 60.0, "h": 3600.0}
DEFAULT_SKEW_S = 90.0


class FaultError(ValueError):
    """Fault requests that cannot be met; the text holds every mistake, a line each."""


@dataclass(frozen=True)
class FaultRequest:
    """A fault as asked for, before it is known when the fleet starts."""

    kind: str
    target: str
    at: str
    span: str
    by: str | None = None

    def __str__(self) -> str:
        return f"{self.kind}:{self.target}@{self.at}+{self.span}" + (f"={self.by}" if self.by else "")


@dataclass(frozen=True)
class Fault:
    """A fault in force in [begin, end), instants in seconds since 1970 UTC."""

    kind: FaultKind
    target: str
    begin: float
    end: float
    by_s: float = 0.0

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
    faults, mistakes = [], []
    for request in requests:
        try:
            faults.append(_resolve(request, fleet, start))
        except FaultError as error:
            mistakes.append(f"{request}: {error}")
    faults.sort(key=lambda fault: (fault.begin, fault.target, fault.kind))
    mistakes += _overlaps(faults)
    if mistakes:
        raise FaultError("\n".join(mistakes))
    return tuple(faults)


def _resolve(request: FaultRequest, fleet: Fleet, start: float) -> Fault:
    try:
        kind = FaultKind(request.kind)
    except ValueError:
        raise FaultError(f"no such fault; faults are {', '.join(FaultKind)}") from None
    gateway = _check_target(kind, request.target, fleet)
    begin = _instant(request.at, start, fleet.factory(fleet.site_of[gateway]).roster.zone)
    span = seconds(request.span)
    if span <= 0.0:
        raise FaultError("it lasts no time; write for example 30m")
    by = DEFAULT_SKEW_S if request.by is None else seconds(request.by)
    return Fault(kind, request.target, begin, begin + span, by if kind is FaultKind.CLOCK_SKEW else 0.0)


def _check_target(kind: FaultKind, target: str, fleet: Fleet) -> str:
    gateway, _, rest = target.partition("/")
    known = {
        f"{sensor.gateway}/{sensor.sensor}/{measure.quantity}"
        for sensor in fleet.sensors
        for measure in sensor.instrument.measures
    }
    known |= {f"{sensor.gateway}/{sensor.sensor}" for sensor in fleet.sensors} | set(fleet.gateways)
    if target not in known:
        near = get_close_matches(target, sorted(known), n=1)
        raise FaultError(
            f"there is no {target!r} in this fleet" + (f"; did you mean {near[0]}?" if near else "")
        )
    if rest and kind in _WHOLE_GATEWAY:
        raise FaultError(f"{kind} strikes a whole gateway; write {kind}:{gateway}")
    if not rest and kind is FaultKind.STUCK:
        raise FaultError("stuck strikes a sensor or a channel; write stuck:GATEWAY/SENSOR")
    return gateway


def seconds(text: str) -> float:
    """`90s`, `30m`, `2h` or `1h30m` in seconds. Raises FaultError."""
    parts = _SPAN.findall(text)
    if not parts or "".join(number + unit for number, unit in parts) != text:
        raise FaultError(f"{text!r} is no length of time; write for example 90s, 30m or 1h30m")
    return sum(float(number) * _SPAN_S[unit] for number, unit in parts)


def _instant(text: str, start: float, zone: ZoneInfo) -> float:
    if text.startswith("+"):
        return start + seconds(text[1:])
    try:
        wanted = time.fromisoformat(text)
    except ValueError:
        raise FaultError(f"start {text!r} is neither a wall time like 10:20 nor a delay like +2h") from None
    local = datetime.fromtimestamp(start, UTC).astimezone(zone)
    met = local.replace(hour=wanted.hour, minute=wanted.minute, second=wanted.second, microsecond=0)
    if met < local:
        met += timedelta(days=1)
    return met.timestamp()


def _overlaps(faults: Sequence[Fault]) -> list[str]:
    """A gateway that is off cannot be cut off again, and one clock cannot be wrong in two ways."""
    mistakes = []
    last: dict[tuple[FaultKind, str], Fault] = {}
    for fault in faults:
        if fault.kind not in _WHOLE_GATEWAY:
            continue
        before = last.get((fault.kind, fault.target))
        if before is not None and fault.begin < before.end:
            mistakes.append(f"{fault.kind}:{fault.target} begins again before it has ended")
        last[fault.kind, fault.target] = fault
    return mistakes
