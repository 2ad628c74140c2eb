"""What was true: exposures of a zone worked out from the simulated physics, not from any reading.

An independent reckoning of the formulas in docs/methods.md, vectorised and without the rollup's code, so that
an error there is seen here. Minutes are named by their end; an array's first element is the minute `first`.
"""

from collections.abc import Callable
from datetime import UTC, datetime
from functools import cached_property
from math import ceil

import numpy as np
from numpy.typing import NDArray

from firmware_sim.faults import FaultKind
from firmware_sim.scenario_files import Course

Values = NDArray[np.float64]
Mask = NDArray[np.bool_]

_STEFAN, _EPS = 5.67e-8, 0.95
_AIR, _WATER, _CP = 28.97, 18.015, 1003.5
_R = 8314.34 / _AIR
_PR = _CP / (_CP + 1.25 * _R)
_CAPTURE = 0.75


class ZoneTruth:
    """The true course of one zone over a scenario, minute by minute."""

    def __init__(self, course: Course, zone: str) -> None:
        self.zone = zone
        self.first = ceil(course.start / 60.0) + 1
        self.last = int(course.end // 60.0)
        site, _, word = zone.partition("/")
        factory = course.fleet.factory(site)
        self.plan = next(plan for plan in factory.zones if plan.word == word)
        self._course, self._roster = course, factory.roster
        physics = course.fleet.zone(zone)
        self.kind = physics.kind
        ends = [60.0 * minute for minute in range(self.first, self.last + 1)]
        states = [physics.state(t) for t in ends]
        self.state = {
            name: np.array([getattr(state, name) for state in states]) for name in states[0]._fields
        }
        self.level = np.array([physics.level(t) for t in ends])
        over = [
            (fault.begin, fault.end)
            for fault in course.faults
            if fault.kind is FaultKind.OVERTIME and fault.target == site
        ]
        self.at_work = np.array([self._works(t - 30.0, over) for t in ends])

    def index(self, t: float) -> int:
        """The element of the minute that an instant [s] lies in, at least 0 and at most the last."""
        return min(max(ceil(t / 60.0) - self.first, 0), self.last - self.first)

    def instant(self, index: int) -> float:
        """The end of the minute of an element."""
        return 60.0 * (self.first + index)

    def exposure(self, kind: str) -> Values | None:
        """The true course of an exposure kind; NaN where there is none; None for a kind not known here."""
        make = _KINDS.get(kind)
        return None if make is None else make(self)

    @cached_property
    def wbgt(self) -> Values:
        """Indoor WBGT from the true air, globe, humidity, air speed and pressure."""
        ta, tg, va = self.state["ta"], self.state["tg"], self.state["va"]
        wet = natural_wet_bulb(ta, tg, self.state["rh"], va, self.state["p"])
        return 0.7 * wet + 0.3 * tg

    @cached_property
    def energy(self) -> Values:
        return np.asarray(10.0 ** (self.level / 10.0))

    @cached_property
    def shifts(self) -> list[tuple[int, int]]:
        """First and last element of each stretch of work, breaks included."""
        return stretches(self.at_work)

    def shift_so_far(self, values: Values) -> Values:
        """The running sum of a stretch of work; NaN outside."""
        found = np.full(len(values), np.nan)
        for begin, end in self.shifts:
            found[begin : end + 1] = np.cumsum(values[begin : end + 1])
        return found

    def _works(self, t: float, over: list[tuple[float, float]]) -> bool:
        if any(begin <= t < end for begin, end in over):
            return True
        local = datetime.fromtimestamp(t, UTC).astimezone(self._roster.zone)
        return local.weekday() in self._roster.days and self._roster.start <= local.time() < self._roster.end


def natural_wet_bulb(ta: Values, tg: Values, rh: Values, va: Values, p_hpa: Values) -> Values:
    """The wick of Liljegren et al. (2008) without sun, surroundings by a 150 mm globe; by bisection."""
    air = ta + 273.15
    h_globe = np.maximum(6.3 * va**0.6 / 0.15**0.4, 1.4 * (np.abs(tg - ta) / 0.15) ** 0.25)
    radiant4 = (tg + 273.15) ** 4 + h_globe * (tg - ta) / (_EPS * _STEFAN)
    ea = rh / 100.0 * _saturation(air)
    low, high = air - 40.0, air + 15.0
    for _ in range(50):
        middle = 0.5 * (low + high)
        above = _wick(middle, air, ea, radiant4, va, p_hpa) < middle
        high = np.where(above, middle, high)
        low = np.where(above, low, middle)
    return 0.5 * (low + high) - 273.15


def _wick(tw: Values, air: Values, ea: Values, radiant4: Values, va: Values, p: Values) -> Values:
    film = 0.5 * (tw + air)
    viscosity = 2.6693e-6 * np.sqrt(_AIR * film) / (3.617**2 * (1.048 - 0.034 * (film / 97.0 - 2.9) / 0.4))
    conductivity = (_CP + 1.25 * _R) * viscosity
    density = 100.0 * p / (_R * film)
    reynolds = np.maximum(va, 0.13) * density * 0.007 / viscosity
    transfer = 0.281 * reynolds**0.6 * _PR**0.44 * conductivity / 0.007
    critical = np.sqrt(132.0 * 647.3)
    diffusion = 3.640e-8 * (film / critical) ** 2.334 * (36.4 * 218.0) ** (1 / 3)
    diffusion = diffusion * (132.0 * 647.3) ** (5 / 12) * np.sqrt(1 / _AIR + 1 / _WATER) / (p / 1013.25)
    schmidt = viscosity / (density * diffusion)
    heat = 2.4073e6 + 71100.0 * (313.15 - film) / 30.0
    ew = _saturation(tw)
    dry = heat / (_CP * _AIR / _WATER) * (ew - ea) / (p - ew) * (_PR / schmidt) ** 0.56
    return np.asarray(air - dry + _EPS * _STEFAN * (radiant4 - tw**4) / transfer)


def _saturation(kelvin: Values) -> Values:
    return np.asarray(1.004 * 6.1121 * np.exp(17.502 * (kelvin - 273.15) / (kelvin - 32.18)))


def stretches(mask: Mask) -> list[tuple[int, int]]:
    """First and last element of each run of True."""
    edges = np.flatnonzero(np.diff(np.concatenate(([False], mask, [False])).astype(np.int8)))
    return [(int(a), int(b) - 1) for a, b in zip(edges[::2], edges[1::2], strict=True)]


def _mean(values: Values, length: int) -> Values:
    """The mean of the window ending at each element; NaN until three quarters of a window are there."""
    total = np.cumsum(np.concatenate(([0.0], values)))
    ends = np.arange(1, len(values) + 1)
    begins = np.maximum(0, ends - length)
    mean = (total[ends] - total[begins]) / (ends - begins)
    return np.where(ends - begins >= _CAPTURE * length, mean, np.nan)


def _rise(values: Values, length: int = 10) -> Values:
    """How much an element is above the lowest of those before it."""
    found = np.full(len(values), np.nan)
    for i in range(1, len(values)):
        found[i] = values[i] - values[max(0, i - length) : i].min()
    return found


def _db(energy: Values) -> Values:
    return np.asarray(10.0 * np.log10(energy))


def _dose(truth: ZoneTruth, criterion: float, exchange: float, threshold: float) -> Values:
    hours = 8.0 / 2.0 ** ((truth.level - criterion) / exchange)
    return truth.shift_so_far(np.where(truth.level >= threshold, 100.0 / 60.0 / hours, 0.0))


def _of(name: str, length: int = 1) -> Callable[[ZoneTruth], Values]:
    return lambda truth: _mean(truth.state[name], length) if length > 1 else truth.state[name]


def _wbgt(length: int) -> Callable[[ZoneTruth], Values]:
    return lambda truth: _mean(truth.wbgt, length) if length > 1 else truth.wbgt


_KINDS: dict[str, Callable[[ZoneTruth], Values]] = {
    "wbgt.minute": _wbgt(1),
    "wbgt_eff.twa60": _wbgt(60),
    "wbgt_eff.twa120": _wbgt(120),
    "ta.minute": _of("ta"),
    "ta.mean60": _of("ta", 60),
    "ta.rise10": lambda truth: _rise(truth.state["ta"]),
    "rh.mean60": _of("rh", 60),
    "va.mean60": _of("va", 60),
    "la.leq1": lambda truth: truth.level,
    "la.leq60": lambda truth: _db(_mean(truth.energy, 60)),
    "la.lex8h": lambda truth: _db(truth.shift_so_far(truth.energy) / 480.0),
    "la.niosh_dose": lambda truth: _dose(truth, 85.0, 3.0, 80.0),
    "la.osha_dose": lambda truth: _dose(truth, 90.0, 5.0, 90.0),
    "la.osha_hc_dose": lambda truth: _dose(truth, 90.0, 5.0, 80.0),
    "pm2_5.mean60": _of("pm2_5", 60),
    "pm2_5.mean24h": _of("pm2_5", 1440),
    "pm2_5.day": _of("pm2_5", 1440),
    "pm10.mean60": _of("pm10", 60),
    "pm10.mean24h": _of("pm10", 1440),
    "pm10.day": _of("pm10", 1440),
    "co.minute_max": _of("co"),
    "co.stel15": _of("co", 15),
    "co.twa8h": _of("co", 480),
    "co.rise10": lambda truth: _rise(truth.state["co"]),
    "co2.minute": _of("co2"),
    "co2.stel15": _of("co2", 15),
    "co2.twa8h": _of("co2", 480),
}
