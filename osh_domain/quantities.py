"""The closed table of quantities: what may be measured, in which unit, and how it averages.

Nobody else writes a unit string. Unit symbols are those of the SenML registry (RFC 8428 section 12.1) and its
secondary units (RFC 8798). A quantity on the wire is a row's id, then optionally ``.`` + statistic + seconds,
then optionally one qualifier: ``ta``, ``ta.avg60``, ``la.eq60``, ``lc.peak60``, ``la.eq60.gt80``,
``lz.eq60.b31_5``, ``las.dose60.q5t80``, ``la.n60``.
"""

from __future__ import annotations

import difflib
import re
from dataclasses import dataclass, replace
from functools import lru_cache
from types import MappingProxyType
from typing import Final, Literal

Averaging = Literal["arithmetic", "energy"]
Hazard = Literal["heat", "noise", "air", "light", "device"]


class UnknownQuantity(ValueError):  # noqa: N818 - the noun that callers read
    """A name that is not in the table; the message offers the nearest rows."""


class WrongUnit(ValueError):  # noqa: N818 - the noun that callers read
    """A unit that does not belong to the quantity, or cannot be turned into the one asked for."""


@dataclass(frozen=True, slots=True)
class Quantity:
    """One row: ``unit`` as on the wire ("" for text), plausible range ``low``..``high`` in that unit.

    ``averaging`` says how values of a window become one: decibels as energy, all else arithmetically.
    ``decimals`` is for screens only; nothing is rounded before it is compared.
    """

    id: str
    unit: str
    title: str
    hazard: Hazard
    averaging: Averaging
    low: float
    high: float
    decimals: int

    def possible(self, value: float) -> bool:
        """Whether a number can be a measurement at all: within the plausible range and ``_MARGIN`` of it.

        A drifting zero or a saturated sensor stays inside; 1e308 or 250 dB do not, and no average could be
        taken over them.
        """
        room = (self.high - self.low) * _MARGIN
        return self.low - room <= value <= self.high + room


_MARGIN: Final = 0.15

_ROWS: Final = (
    Quantity("ta", "Cel", "Air temperature", "heat", "arithmetic", -40.0, 85.0, 1),
    Quantity("tg", "Cel", "Globe temperature", "heat", "arithmetic", -40.0, 120.0, 1),
    Quantity("tnw", "Cel", "Natural wet-bulb temperature", "heat", "arithmetic", -40.0, 60.0, 1),
    Quantity(
        "wbgt",
        "Cel",
        "Wet-bulb globe temperature, as the instrument says",
        "heat",
        "arithmetic",
        -40.0,
        80.0,
        1,
    ),
    Quantity("rh", "%RH", "Relative humidity", "heat", "arithmetic", 0.0, 100.0, 0),
    Quantity("va", "m/s", "Air speed", "heat", "arithmetic", 0.0, 60.0, 2),
    Quantity("p", "Pa", "Air pressure", "heat", "arithmetic", 50_000.0, 115_000.0, 0),
    Quantity("solar", "W/m2", "Solar irradiance", "heat", "arithmetic", 0.0, 1500.0, 0),
    Quantity("pm1", "ug/m3", "Particles up to 1 µm", "air", "arithmetic", 0.0, 10_000.0, 1),
    Quantity("pm2_5", "ug/m3", "Particles up to 2.5 µm", "air", "arithmetic", 0.0, 10_000.0, 1),
    Quantity("pm4", "ug/m3", "Particles up to 4 µm", "air", "arithmetic", 0.0, 10_000.0, 1),
    Quantity("pm10", "ug/m3", "Particles up to 10 µm", "air", "arithmetic", 0.0, 20_000.0, 1),
    Quantity("co2", "ppm", "Carbon dioxide", "air", "arithmetic", 0.0, 100_000.0, 0),
    Quantity("co", "ppm", "Carbon monoxide", "air", "arithmetic", 0.0, 10_000.0, 1),
    Quantity("hcho", "ppb", "Formaldehyde", "air", "arithmetic", 0.0, 10_000.0, 0),
    Quantity("no2", "ppb", "Nitrogen dioxide", "air", "arithmetic", 0.0, 100_000.0, 0),
    Quantity(
        "voc_index", "/", "Volatile organics index (no concentration)", "air", "arithmetic", 0.0, 500.0, 0
    ),
    Quantity(
        "nox_index", "/", "Nitrogen oxides index (no concentration)", "air", "arithmetic", 0.0, 500.0, 0
    ),
    Quantity("la", "dB", "Sound level, A-weighted", "noise", "energy", 0.0, 160.0, 1),
    Quantity("lc", "dB", "Sound level, C-weighted", "noise", "energy", 0.0, 170.0, 1),
    Quantity("lz", "dB", "Sound level, unweighted", "noise", "energy", 0.0, 170.0, 1),
    Quantity("laf", "dB", "Sound level, A-weighted, fast", "noise", "energy", 0.0, 160.0, 1),
    Quantity("las", "dB", "Sound level, A-weighted, slow", "noise", "energy", 0.0, 160.0, 1),
    Quantity("light", "lx", "Illuminance", "light", "arithmetic", 0.0, 200_000.0, 0),
    Quantity("temp", "Cel", "Temperature of the device", "device", "arithmetic", -40.0, 125.0, 1),
    Quantity("volt", "V", "Supply voltage", "device", "arithmetic", 0.0, 60.0, 2),
    Quantity("disk_free", "/", "Free share of the disk", "device", "arithmetic", 0.0, 1.0, 3),
    Quantity("outbox", "count", "Batches not yet acknowledged", "device", "arithmetic", 0.0, 1e9, 0),
    Quantity("backlog_age", "s", "Age of the oldest waiting batch", "device", "arithmetic", 0.0, 1e9, 0),
    Quantity("status", "", "State of a sensor, in words", "device", "arithmetic", 0.0, 0.0, 0),
    Quantity("gap", "", "Why readings are missing, in words", "device", "arithmetic", 0.0, 0.0, 0),
    Quantity("key", "", "The gateway's next key, with its signature", "device", "arithmetic", 0.0, 0.0, 0),
)

QUANTITIES: Final = MappingProxyType({row.id: row for row in _ROWS})

STATISTICS: Final = MappingProxyType(
    {
        "avg": "arithmetic mean",
        "eq": "equivalent level (mean of the energy)",
        "max": "highest",
        "min": "lowest",
        "peak": "highest instantaneous",
        "n": "number of valid seconds",
        "dose": "share of the 8-hour dose",
    }
)

_FORM: Final = re.compile(
    r"(?P<id>[a-z][a-z0-9_]{0,31})"
    r"(?:\.(?P<statistic>avg|eq|max|min|peak|n|dose)(?P<seconds>[1-9][0-9]{0,4}))?"
    r"(?:\.(?P<qualifier>b[0-9]{1,5}(?:_[0-9]{1,2})?|gt[0-9]{1,3}|q[0-9]t[0-9]{1,3}))?"
)
_ENERGY_ONLY: Final = frozenset({"eq", "peak", "dose"})
MAX_NAME: Final = 64


def quantity(name: str) -> Quantity:
    """The row for a name as it stands on the wire, with statistic and qualifier (``la.eq60``, ``la.n60``).

    The answer's ``id`` is the whole name; a count of seconds and a dose carry their own unit and range.
    Raises ``UnknownQuantity`` with near matches.
    """
    if len(name) > MAX_NAME:
        raise UnknownQuantity(f"a quantity has at most {MAX_NAME} characters, this one has {len(name)}")
    return _quantity(name)


@lru_cache(maxsize=1024)
def _quantity(name: str) -> Quantity:
    row = QUANTITIES.get(name)
    if row is not None:
        return row
    form = _FORM.fullmatch(name)
    row = QUANTITIES.get(form["id"]) if form else None
    if form is None or row is None or row.unit == "":
        raise UnknownQuantity(_unknown(name))
    statistic, seconds = form["statistic"], form["seconds"]
    if statistic in _ENERGY_ONLY and row.averaging != "energy":
        raise UnknownQuantity(f"{name!r}: the statistic {statistic!r} belongs to sound levels only")
    title = row.title if statistic is None else f"{row.title}, {STATISTICS[statistic]} over {seconds} s"
    if statistic == "n":
        return replace(
            row, id=name, title=title, unit="count", averaging="arithmetic", low=0.0, high=float(seconds)
        )
    if statistic == "dose":
        return replace(
            row, id=name, title=title, unit="/", averaging="arithmetic", low=0.0, high=1e6, decimals=3
        )
    return replace(row, id=name, title=title)


def _unknown(name: str) -> str:
    near = difflib.get_close_matches(name.split(".", 1)[0], QUANTITIES, n=3, cutoff=0.4)
    hint = f"did you mean {', '.join(near)}?" if near else f"known are {', '.join(QUANTITIES)}"
    return f"unknown quantity {name!r}; {hint}"


def check_unit(name: str, unit: str | None) -> None:
    """Raise ``WrongUnit`` unless ``unit`` is exactly the unit of the quantity (None or "" for text)."""
    expected = quantity(name).unit
    if (unit or "") != expected:
        raise WrongUnit(
            f"{name} is measured in {expected or 'words, without a unit'}, not in {unit or 'no unit'}"
        )


# Unit -> (the unit it is compared in, factor, offset): RFC 8428 section 12.1, RFC 8798 section 3.
_SCALES: Final = MappingProxyType(
    {
        "ug/m3": ("kg/m3", 1e-9, 0.0),
        "kg/m3": ("kg/m3", 1.0, 0.0),
        "%": ("/", 1.0, 0.0),  # SenML's "%" is the ratio 0..1, not a percentage
        "/": ("/", 1.0, 0.0),
        "/100": ("/", 1e-2, 0.0),
        "/1000": ("/", 1e-3, 0.0),
        "ppm": ("/", 1e-6, 0.0),
        "ppb": ("/", 1e-9, 0.0),
        "Pa": ("Pa", 1.0, 0.0),
        "hPa": ("Pa", 100.0, 0.0),
        "m": ("m", 1.0, 0.0),
        "mm": ("m", 1e-3, 0.0),
        "cm": ("m", 1e-2, 0.0),
        "km": ("m", 1e3, 0.0),
        "m/s": ("m/s", 1.0, 0.0),
        "km/h": ("m/s", 1.0 / 3.6, 0.0),
        "s": ("s", 1.0, 0.0),
        "ms": ("s", 1e-3, 0.0),
        "min": ("s", 60.0, 0.0),
        "h": ("s", 3600.0, 0.0),
        "V": ("V", 1.0, 0.0),
        "mV": ("V", 1e-3, 0.0),
        "K": ("K", 1.0, 0.0),
        "Cel": ("K", 1.0, 273.15),
    }
)


def convert(value: float, unit_from: str, unit_to: str) -> float:
    """``value`` expressed in ``unit_to``; raises ``WrongUnit`` when the two units do not compare."""
    if unit_from == unit_to:
        return value
    source, target = _SCALES.get(unit_from), _SCALES.get(unit_to)
    if source is None or target is None or source[0] != target[0]:
        raise WrongUnit(
            f"{unit_from or 'no unit'} cannot be turned into {unit_to or 'no unit'}; units are case-sensitive"
        )
    if source[2] == target[2]:
        return value * (source[1] / target[1])
    return (value * source[1] + source[2] - target[2]) / target[1]
