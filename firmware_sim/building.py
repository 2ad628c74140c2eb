"""The heat and moisture balance of one zone: sun on the roof, machines, people, ventilation, mass.

One well-mixed air node with its thermal mass (a one-capacity model), a radiant temperature
from the roof and the machines, and a 150 mm globe that follows with its own lag.
"""

from dataclasses import dataclass
from math import exp, log, sqrt

from firmware_sim.kinds import ZoneKind
from firmware_sim.outdoor import OutdoorAir, vapour_pressure

AIR_J_M3K = 1180.0  # heat capacity of warm air
PERSON_W = 75.0  # sensible heat of light work in a hot room; the rest leaves as moisture
PERSON_G_H = 130.0
_GLOBE_LAG_S = 420.0
_ROOF_ABSORBS = 0.65
_ROOF_OUTSIDE_W = 20.0  # outer film coefficient of a roof, W/m2K
_WALLS_W_M2K = 2.0


@dataclass(frozen=True, slots=True)
class Shell:
    """How a certain hall differs from its kind: its roof, factor on ventilation, thermal mass."""

    roof_u: float = 2.4
    ventilation: float = 1.0
    mass_j_m2k: float = 120e3
    idle_air_changes: float = 3.0
    cooling_w_m2: float = 0.0  # evaporative pads or air conditioning, while the fans run


@dataclass(frozen=True, slots=True)
class Indoor:
    """A zone's air: Cel, Cel, hPa of vapour, m3/h and m2 of fresh air, and the radiant temperature in Cel."""

    temperature: float
    globe: float
    vapour: float
    fresh_air: float
    radiant: float


@dataclass(frozen=True, slots=True)
class Load:
    """What goes on in the building: shares of people present, machines working, fans running (0 to 1)."""

    presence: float
    work: float
    fans: float


def air_speed(kind: ZoneKind, shell: Shell, fans: float) -> float:
    """Mean air speed at the work place in m/s: a draught of 0.06 with the fans off."""
    return 0.06 + (kind.air_speed * sqrt(shell.ventilation) - 0.06) * fans


def fresh_air(kind: ZoneKind, shell: Shell, fans: float) -> float:
    """Fresh air in m3 per hour and m2 of floor."""
    changes = shell.idle_air_changes + (kind.air_changes * shell.ventilation - shell.idle_air_changes) * fans
    return changes * kind.height_m


def start(outside: OutdoorAir) -> Indoor:
    """A hall that has stood open: everything as outside."""
    vapour = vapour_pressure(outside.dew_point)
    return Indoor(outside.temperature, outside.temperature, vapour, 10.0, outside.temperature)


def step(state: Indoor, outside: OutdoorAir, kind: ZoneKind, shell: Shell, load: Load, dt_s: float) -> Indoor:
    """The state `dt_s` seconds later under constant conditions (exact solution of the linear balance)."""
    flow = fresh_air(kind, shell, load.fans)
    conductance = shell.roof_u + _WALLS_W_M2K + flow / 3600.0 * AIR_J_M3K
    roof_gain = shell.roof_u * _ROOF_ABSORBS * outside.solar / _ROOF_OUTSIDE_W
    gain = roof_gain + kind.process_w_m2 * load.work + PERSON_W * kind.people_m2 * load.presence
    # A cooled hall's plant comes on above 26 Cel and runs fully from 30.
    gain -= shell.cooling_w_m2 * load.fans * max(0.0, min(1.0, (state.temperature - 26.0) / 4.0))
    temperature = _approach(
        state.temperature, outside.temperature + gain / conductance, dt_s * conductance / shell.mass_j_m2k
    )
    # Half of what a person sees is roof; its inner side is warmer than the air by flux over film (8 W/m2K).
    radiant = temperature + 0.5 * roof_gain / 8.0 + kind.radiant_k * load.work
    globe = _approach(
        state.globe, _globe(temperature, radiant, air_speed(kind, shell, load.fans)), dt_s / _GLOBE_LAG_S
    )
    grams = kind.moisture_g_h_m2 * load.work + PERSON_G_H * kind.people_m2 * load.presence
    # 1 g/m3 of vapour is about 1.4 hPa at 33 Cel (ideal gas, 461.5 J/kgK).
    rise = 1.413 * grams / flow if flow > 0.0 else 0.0
    vapour = _approach(
        state.vapour, vapour_pressure(outside.dew_point) + rise, dt_s * flow / kind.height_m / 3600.0
    )
    vapour = min(vapour, 0.985 * vapour_pressure(temperature))
    return Indoor(temperature, globe, vapour, flow, radiant)


def _approach(now: float, goal: float, elapsed: float) -> float:
    """First-order approach to `goal`; `elapsed` in time constants."""
    return goal + (now - goal) * exp(-elapsed)


def _globe(air: float, radiant: float, speed: float) -> float:
    """Temperature of a 150 mm black globe (linearised ISO 7726 balance, forced convection with a floor)."""
    convection = max(6.3 * exp(0.6 * log(speed) - 0.4 * log(0.15)), 3.2)
    exchange = 4.0 * 0.95 * 5.67e-8 * (273.15 + 0.5 * (air + radiant)) ** 3
    return air + (radiant - air) * exchange / (exchange + convection)
