"""What is in a zone's air: dust from the work, CO2 from people, CO from a bad boiler, vapour of adhesives."""

from dataclasses import dataclass
from math import exp

from firmware_sim.building import Load
from firmware_sim.kinds import ZoneKind

OUTDOOR_CO2 = 425.0  # ppm
OUTDOOR_CO = 0.4
VOC_INDEX = 100.0  # what such a sensor calls usual; it is no concentration
VOC_OF_ADHESIVES = 60.0
PERSON_CO2_M3_H = 0.019  # light work
BOILER_PPM_M3_H_M2 = (
    3600.0  # carbon monoxide of a boiler so badly tuned that `boiler` = 1, in ppm m3/h per m2 of floor
)


@dataclass(frozen=True, slots=True)
class Emissions:
    """How a certain hall differs: factor on dust, and how badly its boiler is tuned (0 well, 1 badly)."""

    dust: float = 1.0
    boiler: float = 0.0


@dataclass(frozen=True, slots=True)
class Release:
    """Beyond the usual: factor on dust, ppm of CO and points of the VOC index, both in the long run."""

    dust: float = 1.0
    co: float = 0.0
    voc: float = 0.0


NOTHING = Release()


@dataclass(frozen=True, slots=True)
class AirContent:
    """ug/m3, ug/m3, ppm, ppm, points of the VOC index."""

    pm2_5: float
    pm10: float
    co2: float
    co: float
    voc: float = VOC_INDEX


def outside(pm2_5: float) -> AirContent:
    """Outside air with a given fine dust."""
    return AirContent(pm2_5, 1.7 * pm2_5, OUTDOOR_CO2, OUTDOOR_CO)


def step(
    state: AirContent,
    out: AirContent,
    kind: ZoneKind,
    emissions: Emissions,
    load: Load,
    flow_m3_h_m2: float,
    dt_s: float,
    release: Release = NOTHING,
) -> AirContent:
    """The content `dt_s` seconds later: source over flow, at the rate of the air changes."""
    hours = dt_s / 3600.0
    changes = flow_m3_h_m2 / kind.height_m
    # Coarse dust falls out of the air by itself, about once an hour, fine dust hardly.
    fine, coarse = changes + 0.2, changes + 1.0
    dust = 1000.0 * emissions.dust * release.dust * load.work / kind.height_m
    people = 1e6 * PERSON_CO2_M3_H * kind.people_m2 * load.presence / flow_m3_h_m2
    leak = BOILER_PPM_M3_H_M2 * emissions.boiler * kind.boiler_share * load.fans / flow_m3_h_m2
    return AirContent(
        _approach(state.pm2_5, (out.pm2_5 * changes + dust * kind.pm2_5_mg_h_m2) / fine, hours * fine),
        _approach(state.pm10, (out.pm10 * changes + dust * kind.pm10_mg_h_m2) / coarse, hours * coarse),
        _approach(state.co2, out.co2 + people, hours * changes),
        _approach(state.co, out.co + leak + release.co, hours * changes),
        _approach(
            state.voc, out.voc + VOC_OF_ADHESIVES * kind.adhesives * load.work + release.voc, hours * changes
        ),
    )


def _approach(now: float, goal: float, elapsed: float) -> float:
    return goal + (now - goal) * exp(-elapsed)
