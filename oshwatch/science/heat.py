"""Vector files of heat: WBGT and its parts, limits, clothing, heat index."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from typing import Any, cast

from osh_domain import limits
from osh_domain.exposure import (
    acgih_screening,
    clothing,
    globe,
    heat_index,
    heat_stress,
    natural_wet_bulb,
    outdoor_wbgt,
    psychrometric,
    time_weighted,
)
from oshwatch.science.columns import (
    expected,
    expected_text,
    maybe,
    number,
    pairs,
    switch,
    text,
    tolerance,
    whole,
    word,
)
from oshwatch.science.rows import Check, Row, RowMistake, VectorFile

_AIR = number("t_air_c", "air temperature, C")
_RH = number("rh_pct", "relative humidity, %")
_SPEED = number("air_speed_ms", "air speed, m/s")
_WBGT = expected("expected_wbgt_c", "WBGT, C")


def _wbgt(row: Row) -> Iterator[Check]:
    wet, globe150 = row.number("t_nwb_c"), row.number("t_globe_c")
    if row.switch("solar_load"):
        air = row.number("t_air_c")
        yield row.expect(
            "expected_wbgt_c", lambda: heat_stress.wbgt_with_sun(wet, globe150, air), "tolerance_c"
        )
    else:
        yield row.expect("expected_wbgt_c", lambda: heat_stress.wbgt_indoor(wet, globe150), "tolerance_c")


def _wbgt_twa(row: Row) -> Iterator[Check]:
    samples = row.pairs("samples")
    if row.word("kind") != "wbgt_c@height_weight":
        yield row.expect("expected", lambda: time_weighted.time_weighted_mean(samples), "tolerance")
        return
    if [weight for _, weight in samples] != [1.0, 2.0, 1.0]:
        raise RowMistake("samples", "needs head@1;abdomen@2;ankles@1 for the mean over heights")
    heights = [value for value, _ in samples]
    yield row.expect("expected", lambda: time_weighted.height_weighted_wbgt(*heights), "tolerance")


def _psychrometric(row: Row) -> Iterator[Check]:
    air, rh = row.number("t_air_c"), row.number("rh_pct")
    if row.word("method") == "stull":
        yield row.expect("expected_c", lambda: psychrometric.stull_wet_bulb(air, rh), "tolerance_c")
        return
    pressure = row.number("pressure_pa")
    yield row.expect(
        "expected_c", lambda: psychrometric.psychrometric_wet_bulb(air, rh, pressure), "tolerance_c"
    )


def _natural_wet_bulb(row: Row) -> Iterator[Check]:
    air, speed, globe150 = (row.number(key) for key in ("t_air_c", "air_speed_ms", "t_globe150_c"))
    if row.word("method") == "bernard":
        wet = row.number("t_wet_bulb_c")
        yield row.expect(
            "expected_t_nwb_c",
            lambda: natural_wet_bulb.bernard_natural_wet_bulb(air, wet, globe150, speed),
            "tolerance_c",
        )
        return
    rh = row.number("rh_pct")

    def balance() -> float:
        radiant = globe.mean_radiant_temperature(globe150, air, speed)
        return natural_wet_bulb.natural_wet_bulb(air, rh, speed, radiant)

    yield row.expect("expected_t_nwb_c", balance, "tolerance_c")


def _globe(row: Row) -> Iterator[Check]:
    method = {
        "mrt_iso7726": globe.mean_radiant_temperature,
        "tg150_iso7726": globe.equivalent_globe,
        "tg150_linear": globe.equivalent_globe_linear,
    }[row.word("quantity")]
    if row.maybe("emissivity") not in {None, globe.EMISSIVITY}:
        raise RowMistake("emissivity", f"must be {globe.EMISSIVITY:g} or blank: no other is computed here")
    inputs = [row.number(key) for key in ("t_globe_c", "t_air_c", "air_speed_ms", "diameter_m")]
    yield row.expect("expected_c", lambda: method(*inputs), "tolerance_c")


def _indoor(row: Row) -> Iterator[Check]:
    air, rh, speed = (row.number(key) for key in ("t_air_c", "rh_pct", "air_speed_ms"))
    pressure, measured = row.number("pressure_pa"), row.maybe("t_globe150_c")

    def found() -> tuple[float, float]:
        if row.word("method") == "wick_balance":
            node = heat_stress.indoor_wbgt(air, rh, measured, air_speed=speed, pressure=pressure)
            return node.natural_wet_bulb, node.value
        globe150 = air if measured is None else measured
        aspirated = psychrometric.psychrometric_wet_bulb(air, rh, pressure)
        wet = natural_wet_bulb.bernard_natural_wet_bulb(air, aspirated, globe150, speed)
        return wet, heat_stress.wbgt_indoor(wet, globe150)

    yield row.expect("expected_t_nwb_c", lambda: found()[0], "tolerance_c")
    yield row.expect("expected_wbgt_c", lambda: found()[1], "tolerance_c")


def _outdoor(row: Row) -> Iterator[Check]:
    clock = [row.whole(key) for key in ("year", "month", "day", "hour", "minute")]
    try:
        zone = timezone(timedelta(hours=row.number("utc_offset_h")))
        stamp = datetime(*clock, tzinfo=zone).timestamp()  # type: ignore[misc,arg-type]
    except (ValueError, OverflowError) as error:
        raise RowMistake("year", f"is no date with time and offset: {error}") from None

    def found() -> outdoor_wbgt.OutdoorWbgt:
        return outdoor_wbgt.outdoor_wbgt(
            row.number("t_air_c"),
            row.number("rh_pct"),
            row.number("wind_ms"),
            row.number("solar_wm2"),
            at=stamp,
            latitude=row.number("lat_deg"),
            longitude=row.number("lon_deg"),
            pressure=row.number("pressure_hpa") * 100.0,
            averaging_min=row.whole("averaging_min"),
            wind_height=row.number("wind_height_m"),
            urban=row.switch("urban"),
        )

    yield row.expect("expected_globe_c", lambda: found().globe, "tolerance_c")
    yield row.expect("expected_nwb_c", lambda: found().natural_wet_bulb, "tolerance_c")
    yield row.expect("expected_wbgt_c", lambda: found().value, "tolerance_c")


def _iso7243(row: Row) -> Iterator[Check]:
    rate, acclimatised = row.number("metabolic_rate_w"), row.switch("acclimatized")
    yield row.expect("iso_class", lambda: limits.class_of_rate(rate).number)
    number_of_class = row.whole("iso_class")
    yield row.expect(
        "expected_wbgt_c",
        lambda: limits.limit("iso7243", metabolic_class=number_of_class, acclimatised=acclimatised).value,
        "tolerance_c",
    )


def _niosh(row: Row) -> Iterator[Check]:
    formula = {"REL": limits.niosh_rel_c, "RAL": limits.niosh_ral_c}[row.word("limit")]
    rate = row.number("metabolic_rate_w")
    yield row.expect("expected_wbgt_c", lambda: formula(rate), "tolerance_c")


def _acgih(row: Row) -> Iterator[Check]:
    keys = cast("Any", [row.word(key) for key in ("limit", "work_fraction", "workload")])
    yield row.expect("expected_wbgt_c", lambda: acgih_screening.screening_value(*keys), "tolerance_c")


def _clothing(row: Row) -> Iterator[Check]:
    ensemble, scheme = row.word("ensemble"), cast("Any", row.word("scheme"))
    yield row.expect("expected_caf_c", lambda: clothing.clothing_adjustment(ensemble, scheme), "tolerance_c")


def _heat_index(row: Row) -> Iterator[Check]:
    air, rh = row.number("t_f"), row.number("rh_pct")
    yield row.expect("expected_hi_f", lambda: heat_index.heat_index_f(air, rh), "tolerance_f")


def _bands(row: Row) -> Iterator[Check]:
    value, scheme = row.number("heat_index_f"), cast("Any", row.word("scheme"))
    yield row.expect("expected_label", lambda: heat_index.heat_index_band(value, scheme))


_C = tolerance("tolerance_c")
_CLOCK = tuple(whole(key, "local time, end of the averaging interval") for key in
               ("year", "month", "day", "hour", "minute"))  # fmt: skip

FILES: tuple[VectorFile, ...] = (
    VectorFile("wbgt", "WBGT from natural wet bulb, globe and air", (
        number("t_nwb_c", "natural wet bulb, C"), number("t_globe_c", "150 mm globe, C"),
        maybe("t_air_c", "air in the shade, C; needed with sun"), switch("solar_load", "in the sun"),
        _WBGT, _C), _wbgt),
    VectorFile("wbgt_twa", "means over time or heights", (
        word("kind", "wbgt_c@min", "metabolic_w@min", "wbgt_c@height_weight"),
        pairs("samples", "value@weight;..., weights in the kind's unit"), expected("expected", "mean"),
        tolerance("tolerance")), _wbgt_twa),
    VectorFile("psychrometric_wet_bulb", "aspirated wet bulb", (
        word("method", "thermodynamic", "stull"), _AIR, _RH, maybe("pressure_pa", "air pressure, Pa"),
        expected("expected_c", "wet bulb, C"), _C), _psychrometric),
    VectorFile("natural_wet_bulb", "natural wet bulb", (
        word("method", "bernard", "wick_balance"), _AIR, maybe("rh_pct", "relative humidity, %"),
        maybe("t_wet_bulb_c", "psychrometric wet bulb, C"), number("t_globe150_c", "150 mm globe, C"), _SPEED,
        expected("expected_t_nwb_c", "natural wet bulb, C"), _C), _natural_wet_bulb),
    VectorFile("globe", "radiant temperature and 150 mm equivalent of a globe", (
        word("quantity", "mrt_iso7726", "tg150_iso7726", "tg150_linear"),
        number("t_globe_c", "globe, C"), _AIR, _SPEED, number("diameter_m", "globe diameter, m"),
        maybe("emissivity", "of the globe, 0.95"), expected("expected_c", "temperature, C"), _C), _globe),
    VectorFile("wbgt_indoor_estimate", "WBGT of a node, indoors", (
        word("method", "bernard", "wick_balance"), _AIR, _RH, _SPEED,
        maybe("t_globe150_c", "150 mm globe, C; blank: taken to be at air temperature"),
        number("pressure_pa", "air pressure, Pa"), expected("expected_t_nwb_c", "natural wet bulb, C"),
        _WBGT, _C), _indoor),
    VectorFile("wbgt_outdoor_liljegren", "WBGT outdoors from weather", (
        *_CLOCK, number("utc_offset_h", "hours east of UTC"), whole("averaging_min", "averaging time, min"),
        number("lat_deg", "latitude north"), number("lon_deg", "longitude east"),
        number("solar_wm2", "solar irradiance, W/m2"), number("pressure_hpa", "air pressure, hPa"), _AIR, _RH,
        number("wind_ms", "wind, m/s"), number("wind_height_m", "height of the wind sensor, m"),
        switch("urban", "urban ground"), expected("expected_globe_c", "globe, C"),
        expected("expected_nwb_c", "natural wet bulb, C"), _WBGT, _C), _outdoor),
    VectorFile("iso7243_limits", "reference values of ISO 7243:2017", (
        number("metabolic_rate_w", "metabolic rate, W"), whole("iso_class", "class that is expected, 0 to 4"),
        switch("acclimatized", "acclimatised"), _WBGT, _C), _iso7243),
    VectorFile("niosh_heat", "NIOSH REL and RAL", (
        number("metabolic_rate_w", "metabolic rate, W"), word("limit", "REL", "RAL"), _WBGT, _C), _niosh),
    VectorFile("acgih_screening", "ACGIH screening criteria", (
        word("limit", "TLV", "AL"), word("work_fraction", "75-100", "50-75", "25-50", "0-25"),
        word("workload", "light", "moderate", "heavy", "very_heavy"), _WBGT, _C), _acgih),
    VectorFile("clothing_caf", "clothing adjustment", (
        word("scheme", "osha_niosh", "iso7243"), text("ensemble", "name of the ensemble"),
        expected("expected_caf_c", "adjustment, C"), _C), _clothing),
    VectorFile("heat_index", "NWS heat index", (
        word("algorithm", "nws"), number("t_f", "air temperature, F"), _RH,
        expected("expected_hi_f", "heat index, F"), tolerance("tolerance_f")), _heat_index),
    VectorFile("heat_index_bands", "bands of the heat index", (
        number("heat_index_f", "heat index, F"),
        word("scheme", "osha_2024_proposed", "osha_2011_guide", "nws_public"),
        expected_text("expected_label", "name of the band")), _bands),
)  # fmt: skip
