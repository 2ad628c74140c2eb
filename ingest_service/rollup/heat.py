"""WBGT of one minute from what a zone measures, by the best method that it allows.

In this order: a measured natural wet bulb and globe; air temperature, humidity and globe; outdoors without a
globe the model of Liljegren from sun and wind; an instrument's own WBGT; indoors Tg = Ta. Outdoors the
combination with sun is used, and without globe, sun or an instrument nothing can be told.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import structlog

from ingest_service.rollup.tracks import Entry
from osh_domain.exposure.globe import STANDARD_DIAMETER_M, equivalent_globe
from osh_domain.exposure.heat_stress import (
    ASSUMED_AIR_SPEED,
    ASSUMED_GLOBE,
    BRISK_AIR_SPEED,
    MEASURED_GLOBE,
    PROTECTIVE_AIR_SPEED,
    indoor_wbgt,
    wbgt_indoor,
    wbgt_with_sun,
)
from osh_domain.exposure.outdoor_wbgt import LILJEGREN, KernelMissingError, outdoor_wbgt
from osh_domain.exposure.psychrometric import STANDARD_PRESSURE_PA
from osh_domain.quality import Grade

VA_ASSUMED, TNW, GLOBE, GLOBE_SUN, SUN_MODEL, INSTRUMENT, NO_GLOBE = (1 << bit for bit in range(7))
_WEAKEST_FIRST = (
    (NO_GLOBE, ASSUMED_GLOBE),
    (INSTRUMENT, "instrument_wbgt"),
    (SUN_MODEL, LILJEGREN),
    (GLOBE_SUN, "measured_globe_sun"),
    (GLOBE, MEASURED_GLOBE),
    (TNW, "measured_tnw"),
)
Inputs = Mapping[str, Entry]
Globes = Sequence[tuple[float, Entry]]
"""Diameter [m] and reading of each size of globe."""
log = structlog.get_logger(__name__)
_told: set[str] = set()


class Surroundings(NamedTuple):
    """Where and when a minute was: `position` is latitude and longitude in degrees, None unknown."""

    minute: int
    outdoors: bool
    position: tuple[float, float] | None


def wbgt_method(code: int) -> str:
    """The method tag of joined method bits: the weakest part of a window names it."""
    tag = next(tag for bit, tag in _WEAKEST_FIRST if code & bit)
    return tag + ASSUMED_AIR_SPEED if code & VA_ASSUMED else tag


def wbgt_of(inputs: Inputs, globes: Globes, around: Surroundings) -> Entry | None:
    """WBGT [C] with grade and method bits; None where nothing can be told.

    Globes of several sizes count each by itself, and then their mean. ValueError for a value outside the
    range of its method.
    """
    found = [one for diameter, globe in globes if (one := _with_globe(inputs, globe, diameter, around))]
    if found:
        codes = 0
        for one in found:
            codes |= one[2]
        return math.fsum(one[0] for one in found) / len(found), max(one[1] for one in found), codes
    if around.outdoors and {"ta", "rh", "va", "solar"} <= inputs.keys():
        return _in_the_sun(inputs, around)
    if "wbgt" in inputs:
        return inputs["wbgt"][0], inputs["wbgt"][1], INSTRUMENT
    if around.outdoors or "ta" not in inputs or "rh" not in inputs:
        return None
    speed = inputs.get("va")
    estimate = indoor_wbgt(
        inputs["ta"][0],
        inputs["rh"][0],
        air_speed=None if speed is None else speed[0],
        pressure=_pressure(inputs),
    )
    return estimate.value, int(Grade.C), NO_GLOBE | (VA_ASSUMED if speed is None else 0)


def _with_globe(inputs: Inputs, globe: Entry, diameter: float, around: Surroundings) -> _Found | None:
    if "tnw" in inputs:
        measured = _with_wet_bulb(inputs, globe, diameter, around)
        if measured is not None:
            return measured
    if "ta" not in inputs or "rh" not in inputs:
        return None
    speed = inputs.get("va")
    found = indoor_wbgt(
        inputs["ta"][0],
        inputs["rh"][0],
        globe[0],
        air_speed=None if speed is None else speed[0],
        globe_diameter=diameter,
        pressure=_pressure(inputs),
        sun=around.outdoors,
    )
    code = (GLOBE_SUN if around.outdoors else GLOBE) | (VA_ASSUMED if speed is None else 0)
    return found.value, _worst(globe, inputs, "ta", "rh", "va", "p"), code


_Found = tuple[float, int, int]


def _with_wet_bulb(inputs: Inputs, globe: Entry, diameter: float, around: Surroundings) -> _Found | None:
    """As ISO 7243 has it; a globe of another size and the sun both ask for the air temperature too."""
    air = inputs.get("ta")
    standard = diameter == STANDARD_DIAMETER_M
    if air is None and (around.outdoors or not standard):
        return None
    globe150, code = globe[0], TNW
    used = ["tnw"]
    if not standard and air is not None:
        speed = inputs.get("va")
        speeds = (PROTECTIVE_AIR_SPEED, BRISK_AIR_SPEED) if speed is None else (speed[0],)
        globe150 = max(equivalent_globe(globe[0], air[0], v, diameter) for v in speeds)
        code |= VA_ASSUMED if speed is None else 0
        used += ["ta", "va"]
    wet = inputs["tnw"][0]
    if around.outdoors and air is not None:
        return wbgt_with_sun(wet, globe150, air[0]), _worst(globe, inputs, "ta", *used), code
    return wbgt_indoor(wet, globe150), _worst(globe, inputs, *used), code


def _in_the_sun(inputs: Inputs, around: Surroundings) -> _Found | None:
    if around.position is None:
        return None
    try:
        found = outdoor_wbgt(
            inputs["ta"][0],
            inputs["rh"][0],
            inputs["va"][0],
            inputs["solar"][0],
            at=60.0 * around.minute,
            latitude=around.position[0],
            longitude=around.position[1],
            pressure=_pressure(inputs),
        )
    except KernelMissingError as error:
        if str(error) not in _told:  # once is enough, and the zone says "cannot tell" meanwhile
            _told.add(str(error))
            log.warning("outdoor WBGT cannot be computed", reason=str(error))
        return None
    return found.value, _worst(inputs["solar"], inputs, "ta", "rh", "va", "p"), SUN_MODEL


def _worst(first: Entry, inputs: Inputs, *names: str) -> int:
    return max(first[1], *(inputs[name][1] for name in names if name in inputs))


def _pressure(inputs: Inputs) -> float:
    return inputs["p"][0] if "p" in inputs else STANDARD_PRESSURE_PA
