"""What the kinds of zone in a garment or footwear factory do to the air, the heat and the noise in them.

One row a kind. Heat and moisture are per square metre of floor; levels are one-minute A-weighted levels where
people stand. The figures are of the order found in the trade's literature and are chosen, not measured.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ZoneKind:
    """One kind of zone at full work."""

    name: str
    metabolic_class: int  # ISO 7243:2017 Table A.1; the task table is this project's proposal
    radiant_source: bool
    height_m: float
    people_m2: float
    process_w_m2: float  # machines, lamps, irons, presses: heat into the air
    radiant_k: float  # mean radiant temperature above the air's through hot machines
    moisture_g_h_m2: float  # steam besides people
    air_changes: float  # per hour with the fans on
    air_speed: float  # m/s at the work place with the fans on
    noise_db: float
    noise_duty: tuple[float, float]  # share of a minute that the loud machines run, least and most
    background_db: float
    pm2_5_mg_h_m2: float
    pm10_mg_h_m2: float
    boiler_share: float  # how much of a boiler's leaking gas comes in
    adhesives: float = 0.0  # share of the usual vapour of adhesives; such zones have a VOC sensor


KINDS: dict[str, ZoneKind] = {
    kind.name: kind
    for kind in (
        ZoneKind("sewing", 1, False, 4.5, 0.25, 42, 1.0, 0, 17, 0.25, 84.5, (0.70, 1.00), 66, 1.3, 7.0, 0.0),
        ZoneKind(
            "cutting", 2, False, 4.5, 0.10, 20, 0.5, 0, 14, 0.20, 88.0, (0.10, 0.60), 68, 2.4, 16.0, 0.0
        ),
        ZoneKind(
            "pressing", 2, True, 4.5, 0.18, 95, 7.0, 60, 20, 0.30, 83.5, (0.35, 0.80), 70, 0.8, 3.0, 0.10
        ),
        ZoneKind("packing", 1, False, 5.0, 0.10, 10, 0.0, 0, 15, 0.25, 74.0, (0.30, 0.80), 62, 0.7, 4.0, 0.0),
        ZoneKind(
            "sole-press",
            2,
            True,
            6.0,
            0.12,
            120,
            11.0,
            15,
            20,
            0.35,
            86.5,
            (0.40, 0.90),
            72,
            2.0,
            6.0,
            0.05,
            1.0,
        ),
        ZoneKind(
            "boiler-side", 2, True, 5.5, 0.04, 110, 14.0, 40, 16, 0.30, 89.0, (0.90, 1.00), 78, 1.5, 3.5, 1.0
        ),
    )
}
