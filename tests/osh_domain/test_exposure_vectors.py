"""Every row of the reference vectors within its own tolerance."""

import csv
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest

from osh_domain import coverage, limits, quality_tests
from osh_domain.exposure import (
    acgih_screening,
    airborne,
    clothing,
    extended_shift,
    frequency_weighting,
    globe,
    heat_index,
    heat_stress,
    natural_wet_bulb,
    noise,
    noise_dose,
    outdoor_wbgt,
    particulate,
    psychrometric,
    time_weighted,
)

Row = dict[str, str]
Check = tuple[float | None, float | None, float]  # found, expected, tolerance
VECTORS = Path(__file__).parents[1] / "reference" / "vectors"
EXACT = 1e-12


def number(row: Row, key: str) -> float:
    return float(row[key])


def maybe(text: str) -> float | None:
    return float(text) if text else None


def pairs(text: str) -> list[tuple[float, float]]:
    return [(float(a), float(b)) for a, b in (part.split("@") for part in text.split(";"))]


def check_a_weighting(row: Row) -> Iterator[Check]:
    tolerance = number(row, "tolerance_db")
    yield frequency_weighting.a_weighting(number(row, "exact_hz")), number(row, "a_weighting_db"), tolerance
    yield frequency_weighting.c_weighting(number(row, "exact_hz")), number(row, "c_weighting_db"), tolerance


def check_acgih_screening(row: Row) -> Iterator[Check]:
    found = acgih_screening.screening_value(row["limit"], row["work_fraction"], row["workload"])  # type: ignore[arg-type]
    yield found, maybe(row["expected_wbgt_c"]), EXACT


def check_brief_scala(row: Row) -> Iterator[Check]:
    factor = {"daily": extended_shift.daily_reduction, "weekly": extended_shift.weekly_reduction}
    yield (
        factor[row["basis_period"]](number(row, "hours")),
        number(row, "expected_factor"),
        number(row, "tolerance"),
    )


def check_clothing_caf(row: Row) -> Iterator[Check]:
    if row["expected_caf_c"]:
        yield clothing.clothing_caf(row["ensemble"]), number(row, "expected_caf_c"), EXACT
        return
    with pytest.raises(ValueError, match="do not assume 0"):
        clothing.clothing_caf(row["ensemble"])


def check_data_capture(row: Row) -> Iterator[Check]:
    expected, valid = int(row["expected_samples"]), int(row["valid_samples"])
    if row["rule"] == "shift_less_60min":
        found = coverage.shift_capture(expected, valid)
    else:
        rule = coverage.Capture(float(row["rule"].removeprefix("fraction_")))
        found = rule.enough(coverage.Coverage(expected, valid, 0.0))
    yield float(found), number(row, "expected_valid"), EXACT


def check_globe(row: Row) -> Iterator[Check]:
    method = {
        "mrt_iso7726": globe.mean_radiant_temperature,
        "tg150_iso7726": globe.equivalent_globe,
        "tg150_linear": globe.equivalent_globe_linear,
    }[row["quantity"]]
    inputs = [number(row, key) for key in ("t_globe_c", "t_air_c", "air_speed_ms", "diameter_m")]
    yield method(*inputs), number(row, "expected_c"), number(row, "tolerance_c")


def check_heat_index(row: Row) -> Iterator[Check]:
    found = heat_index.heat_index_f(number(row, "t_f"), number(row, "rh_pct"))
    yield found, number(row, "expected_hi_f"), number(row, "tolerance_f")


def check_heat_index_bands(row: Row) -> Iterator[Check]:
    found = heat_index.heat_index_band(number(row, "heat_index_f"), row["scheme"])  # type: ignore[arg-type]
    yield float(found == row["expected_label"]), 1.0, EXACT


def check_iso7243_limits(row: Row) -> Iterator[Check]:
    assert limits.class_of_rate(number(row, "metabolic_rate_w")).number == int(row["iso_class"])
    acclimatised = row["acclimatized"] == "1"
    found = limits.limit("iso7243", metabolic_class=int(row["iso_class"]), acclimatised=acclimatised)
    yield found.value, number(row, "expected_wbgt_c"), EXACT


def check_mixture(row: Row) -> Iterator[Check]:
    parts = [part.split("/") for part in row["conc_over_limit"].split(";")]
    found = airborne.mixture_index((float(a), float(b)) for a, b in parts)
    yield found, number(row, "expected_index"), number(row, "tolerance")
    assert (found > 1.0) == (row["expected_exceeds"] == "1")


def check_natural_wet_bulb(row: Row) -> Iterator[Check]:
    air, speed = number(row, "t_air_c"), number(row, "air_speed_ms")
    globe150 = number(row, "t_globe150_c")
    if row["method"] == "bernard":
        found = natural_wet_bulb.bernard_natural_wet_bulb(air, number(row, "t_wet_bulb_c"), globe150, speed)
    else:
        radiant = globe.mean_radiant_temperature(globe150, air, speed)
        found = natural_wet_bulb.natural_wet_bulb(air, number(row, "rh_pct"), speed, radiant)
    yield found, number(row, "expected_t_nwb_c"), number(row, "tolerance_c")


def check_niosh_heat(row: Row) -> Iterator[Check]:
    formula = {"REL": limits.niosh_rel_c, "RAL": limits.niosh_ral_c}[row["limit"]]
    yield formula(number(row, "metabolic_rate_w")), number(row, "expected_wbgt_c"), number(row, "tolerance_c")


def check_noise_dose(row: Row) -> Iterator[Check]:
    criterion = noise_dose.noise_criterion(row["criterion"])
    dose = noise_dose.dose_percent(pairs(row["samples_dba_at_h"]), criterion)
    yield dose, number(row, "expected_dose_pct"), number(row, "tolerance_pct")
    found, expected = noise_dose.dose_to_twa(dose, criterion), maybe(row["expected_twa_dba"])
    yield found, expected, maybe(row["tolerance_db"]) or EXACT


def check_noise_dose_to_twa(row: Row) -> Iterator[Check]:
    found = noise_dose.dose_to_twa(number(row, "dose_pct"), noise_dose.noise_criterion(row["criterion"]))
    yield found, maybe(row["expected_twa_dba"]), maybe(row["tolerance_db"]) or EXACT


def check_noise_duration(row: Row) -> Iterator[Check]:
    criterion, exchange = {"osha": (90.0, 5.0)}.get(row["criterion"], (85.0, 3.0))
    found = noise_dose.allowed_hours(number(row, "level_dba"), criterion, exchange)
    yield found * 3600.0, number(row, "expected_duration_s"), number(row, "tolerance_s")


def check_noise_laeq(row: Row) -> Iterator[Check]:
    found = noise.energy_average(float(one) for one in row["levels_equal_duration_dba"].split(";"))
    yield found, number(row, "expected_laeq_dba"), number(row, "tolerance_db")


def check_noise_lex(row: Row) -> Iterator[Check]:
    samples = pairs(row["samples_dba_at_h"])
    yield noise.daily_exposure_level(samples), number(row, "expected_lex8h_dba"), number(row, "tolerance_db")
    yield noise.exposure_points(samples), number(row, "expected_points"), number(row, "tolerance_points")


def check_noise_lex_weekly(row: Row) -> Iterator[Check]:
    found = noise.weekly_exposure_level(float(one) for one in row["daily_lex_dba"].split(";"))
    yield found, number(row, "expected_weekly_dba"), number(row, "tolerance_db")


def check_noise_projected(row: Row) -> Iterator[Check]:
    dose = noise_dose.projected_dose(
        number(row, "measured_dose_pct"), number(row, "measured_h"), number(row, "shift_h")
    )
    yield dose, number(row, "expected_projected_dose_pct"), number(row, "tolerance")
    found = noise_dose.dose_to_twa(dose, noise_dose.noise_criterion(row["criterion"]))
    yield found, number(row, "expected_projected_twa_dba"), number(row, "tolerance")


def check_osha_action_level_shift(row: Row) -> Iterator[Check]:
    found = noise_dose.osha_action_level(number(row, "shift_h"))
    yield found, number(row, "expected_action_level_dba"), number(row, "tolerance_db")


def check_pm_correction(row: Row) -> Iterator[Check]:
    raw, rh = number(row, "raw_ug_m3"), number(row, "rh_pct")
    if row["method"] == "kappa":
        found = particulate.kappa_dry(raw, rh, number(row, "kappa"))
    elif row["method"] == "barkjohn2021":
        found = particulate.barkjohn(raw, rh)
    else:
        found = particulate.epa_piecewise(raw, rh)
    yield found, number(row, "expected_ug_m3"), number(row, "tolerance")


def check_ppm(row: Row) -> Iterator[Check]:
    conditions = [number(row, key) for key in ("molar_mass_g_mol", "t_c", "pressure_kpa")]
    found = airborne.mg_m3(number(row, "ppm"), *conditions)
    yield found, number(row, "expected_mg_m3"), number(row, "tolerance_mg_m3")
    yield airborne.ppm(found, *conditions), number(row, "ppm"), 1e-9


def check_psychrometric_wet_bulb(row: Row) -> Iterator[Check]:
    air, rh = number(row, "t_air_c"), number(row, "rh_pct")
    if row["method"] == "stull":
        found = psychrometric.stull_wet_bulb(air, rh)
    else:
        found = psychrometric.psychrometric_wet_bulb(air, rh, number(row, "pressure_pa"))
    yield found, number(row, "expected_c"), number(row, "tolerance_c")


def check_qc_flags(row: Row) -> Iterator[Check]:
    values = [float(one) for one in row["values"].split(";")]
    keys = dict(part.split("=") for part in row["parameters"].split(";"))
    spans = {
        key: (float(a), float(b)) for key, a, b in ((k, *v.split("..")) for k, v in keys.items() if ".." in v)
    }
    numbers = {key: float(text) for key, text in keys.items() if ".." not in text}
    interval = number(row, "interval_s")
    found = {
        "gross_range": lambda: quality_tests.gross_range(values, **spans),
        "spike_average": lambda: quality_tests.spike(values, **numbers),
        "rate_of_change": lambda: quality_tests.rate_of_change(values, interval, **numbers),
        "flat_line": lambda: quality_tests.flat_line(values, interval, **numbers),
    }[row["test"]]()
    for flag, expected in zip(found, row["expected_flags"].split(";"), strict=True):
        yield float(flag), float(expected), EXACT


def check_sound_pressure(row: Row) -> Iterator[Check]:
    found = noise.sound_pressure_level(number(row, "pressure_pa"))
    yield found, number(row, "expected_db"), number(row, "tolerance_db")


def highest_of_durations(samples: list[tuple[float, float]]) -> float:
    return airborne.highest_15min([value for value, minutes in samples for _ in range(int(minutes))])


def check_twa(row: Row) -> Iterator[Check]:
    method = {
        "twa8_conc@h": airborne.twa_8h,
        "stel15_conc@min": airborne.stel_15min,
        "max15_conc@min": highest_of_durations,
    }[row["kind"]]
    yield method(pairs(row["samples"])), number(row, "expected"), number(row, "tolerance")


def check_wbgt(row: Row) -> Iterator[Check]:
    wet, globe150 = number(row, "t_nwb_c"), number(row, "t_globe_c")
    sun = row["solar_load"] == "1"
    found = (
        heat_stress.wbgt_with_sun(wet, globe150, number(row, "t_air_c"))
        if sun
        else heat_stress.wbgt_indoor(wet, globe150)
    )
    yield found, number(row, "expected_wbgt_c"), number(row, "tolerance_c")


def check_wbgt_indoor_estimate(row: Row) -> Iterator[Check]:
    air, rh, speed = number(row, "t_air_c"), number(row, "rh_pct"), number(row, "air_speed_ms")
    pressure, measured = number(row, "pressure_pa"), maybe(row["t_globe150_c"])
    if row["method"] == "bernard":
        globe150 = air if measured is None else measured
        aspirated = psychrometric.psychrometric_wet_bulb(air, rh, pressure)
        wet = natural_wet_bulb.bernard_natural_wet_bulb(air, aspirated, globe150, speed)
        value = heat_stress.wbgt_indoor(wet, globe150)
    else:
        result = heat_stress.indoor_wbgt(air, rh, measured, air_speed=speed, pressure=pressure)
        wet, value = result.natural_wet_bulb, result.value
    tolerance = number(row, "tolerance_c")
    yield wet, number(row, "expected_t_nwb_c"), tolerance
    yield value, number(row, "expected_wbgt_c"), tolerance


def check_wbgt_outdoor_liljegren(row: Row) -> Iterator[Check]:
    zone = timezone(timedelta(hours=number(row, "utc_offset_h")))
    clock = (int(row[key]) for key in ("year", "month", "day", "hour", "minute"))
    found = outdoor_wbgt.outdoor_wbgt(
        number(row, "t_air_c"),
        number(row, "rh_pct"),
        number(row, "wind_ms"),
        number(row, "solar_wm2"),
        at=datetime(*clock, tzinfo=zone).timestamp(),  # type: ignore[misc,arg-type]
        latitude=number(row, "lat_deg"),
        longitude=number(row, "lon_deg"),
        pressure=number(row, "pressure_hpa") * 100.0,
        averaging_min=int(row["averaging_min"]),
        wind_height=number(row, "wind_height_m"),
        urban=row["urban"] == "1",
    )
    tolerance = number(row, "tolerance_c")
    yield found.globe, number(row, "expected_globe_c"), tolerance
    yield found.natural_wet_bulb, number(row, "expected_nwb_c"), tolerance
    yield found.value, number(row, "expected_wbgt_c"), tolerance


def check_wbgt_twa(row: Row) -> Iterator[Check]:
    samples = pairs(row["samples"])
    if row["kind"].endswith("height_weight"):
        found = time_weighted.height_weighted_wbgt(*(value for value, _ in samples))
    else:
        found = time_weighted.time_weighted_mean(samples)
    yield found, number(row, "expected"), number(row, "tolerance")


CHECKS: dict[str, Callable[[Row], Iterator[Check]]] = {
    name.removeprefix("check_"): function for name, function in globals().items() if name.startswith("check_")
}


def rows() -> Iterator[object]:
    for path in sorted(VECTORS.glob("*.csv")):
        if path.stem != "noise_errata":
            with path.open(encoding="utf-8", newline="") as lines:
                yield from (pytest.param(path.stem, row, id=row["id"]) for row in csv.DictReader(lines))


@pytest.mark.parametrize(("method", "row"), list(rows()))
def test_a_row_of_the_vectors_holds(method: str, row: Row) -> None:
    for found, expected, tolerance in CHECKS[method](row):
        if expected is None:
            assert found is None
        else:
            assert found == pytest.approx(expected, abs=tolerance, rel=0)


def test_every_check_has_a_file_of_vectors() -> None:
    assert {path.stem for path in VECTORS.glob("*.csv")} == {*CHECKS, "noise_errata"}
