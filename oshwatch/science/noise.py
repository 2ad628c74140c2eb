"""Vector files of noise: weighting, levels, durations, dose, exposure levels."""

from __future__ import annotations

from collections.abc import Iterator

from osh_domain.exposure import frequency_weighting, noise, noise_dose
from oshwatch.science.columns import expected, number, numbers, pairs, tolerance, word
from oshwatch.science.rows import Check, Row, VectorFile

_CRITERION = word("criterion", *noise_dose.NOISE_CRITERIA)
_SAMPLES = pairs("samples_dba_at_h", "level@hours;..., dBA and h")
_DB = tolerance("tolerance_db")
_DURATION = {"osha": (90.0, 5.0), "niosh": (85.0, 3.0), "exchange3_criterion85": (85.0, 3.0)}


def _weighting(row: Row) -> Iterator[Check]:
    frequency = row.number("exact_hz")
    yield row.expect("a_weighting_db", lambda: frequency_weighting.a_weighting(frequency), "tolerance_db")
    yield row.expect("c_weighting_db", lambda: frequency_weighting.c_weighting(frequency), "tolerance_db")


def _laeq(row: Row) -> Iterator[Check]:
    levels = row.numbers("levels_equal_duration_dba")
    yield row.expect("expected_laeq_dba", lambda: noise.energy_average(levels), "tolerance_db")


def _sound_pressure(row: Row) -> Iterator[Check]:
    pressure = row.number("pressure_pa")
    yield row.expect("expected_db", lambda: noise.sound_pressure_level(pressure), "tolerance_db")


def _duration(row: Row) -> Iterator[Check]:
    criterion, exchange = _DURATION[row.word("criterion")]
    level = row.number("level_dba")
    yield row.expect(
        "expected_duration_s",
        lambda: noise_dose.allowed_hours(level, criterion, exchange) * 3600.0,
        "tolerance_s",
    )


def _dose(row: Row) -> Iterator[Check]:
    criterion, samples = noise_dose.noise_criterion(row.word("criterion")), row.pairs("samples_dba_at_h")
    yield row.expect(
        "expected_dose_pct", lambda: noise_dose.dose_percent(samples, criterion), "tolerance_pct"
    )
    yield row.expect(
        "expected_twa_dba",
        lambda: noise_dose.dose_to_twa(noise_dose.dose_percent(samples, criterion), criterion),
        "tolerance_db",
    )


def _dose_to_twa(row: Row) -> Iterator[Check]:
    criterion, dose = noise_dose.noise_criterion(row.word("criterion")), row.number("dose_pct")
    yield row.expect("expected_twa_dba", lambda: noise_dose.dose_to_twa(dose, criterion), "tolerance_db")


def _projected(row: Row) -> Iterator[Check]:
    criterion = noise_dose.noise_criterion(row.word("criterion"))
    inputs = [row.number(key) for key in ("measured_dose_pct", "measured_h", "shift_h")]
    yield row.expect("expected_projected_dose_pct", lambda: noise_dose.projected_dose(*inputs), "tolerance")
    yield row.expect(
        "expected_projected_twa_dba",
        lambda: noise_dose.dose_to_twa(noise_dose.projected_dose(*inputs), criterion),
        "tolerance",
    )


def _action_level(row: Row) -> Iterator[Check]:
    hours = row.number("shift_h")
    yield row.expect("expected_action_level_dba", lambda: noise_dose.osha_action_level(hours), "tolerance_db")


def _lex(row: Row) -> Iterator[Check]:
    samples = row.pairs("samples_dba_at_h")
    yield row.expect("expected_lex8h_dba", lambda: noise.daily_exposure_level(samples), "tolerance_db")
    yield row.expect("expected_points", lambda: noise.exposure_points(samples), "tolerance_points")


def _weekly(row: Row) -> Iterator[Check]:
    days = row.numbers("daily_lex_dba")
    yield row.expect("expected_weekly_dba", lambda: noise.weekly_exposure_level(days), "tolerance_db")


FILES: tuple[VectorFile, ...] = (
    VectorFile("a_weighting", "A and C weighting", (
        number("exact_hz", "exact base-10 frequency, Hz"), expected("a_weighting_db", "A weighting, dB"),
        expected("c_weighting_db", "C weighting, dB"), _DB), _weighting),
    VectorFile("noise_laeq", "energy average", (
        numbers("levels_equal_duration_dba", "levels that last equally long, dBA"),
        expected("expected_laeq_dba", "LAeq, dBA"), _DB), _laeq),
    VectorFile("sound_pressure", "level of a sound pressure", (
        number("pressure_pa", "sound pressure, Pa"), expected("expected_db", "level, dB"), _DB),
        _sound_pressure),
    VectorFile("noise_duration", "allowed duration of a level", (
        word("criterion", *_DURATION), number("level_dba", "level, dBA"),
        expected("expected_duration_s", "duration, s"), tolerance("tolerance_s")), _duration),
    VectorFile("noise_dose", "dose of a day", (
        _CRITERION, _SAMPLES, expected("expected_dose_pct", "dose, %"), tolerance("tolerance_pct"),
        expected("expected_twa_dba", "TWA, dBA"), _DB), _dose),
    VectorFile("noise_dose_to_twa", "TWA of a dose", (
        _CRITERION, number("dose_pct", "dose, %"), expected("expected_twa_dba", "TWA, dBA"), _DB),
        _dose_to_twa),
    VectorFile("noise_projected", "dose projected over the shift", (
        _CRITERION, number("measured_dose_pct", "dose so far, %"), number("measured_h", "measured, h"),
        number("shift_h", "shift, h"), expected("expected_projected_dose_pct", "projected dose, %"),
        expected("expected_projected_twa_dba", "its TWA, dBA"), tolerance("tolerance")), _projected),
    VectorFile("osha_action_level_shift", "OSHA action level of a long shift", (
        number("shift_h", "shift, h"), expected("expected_action_level_dba", "action level, dBA"), _DB),
        _action_level),
    VectorFile("noise_lex", "daily exposure level and points", (
        _SAMPLES, expected("expected_lex8h_dba", "LEX,8h, dBA"), _DB,
        expected("expected_points", "HSE points"), tolerance("tolerance_points")), _lex),
    VectorFile("noise_lex_weekly", "weekly exposure level", (
        numbers("daily_lex_dba", "LEX,8h of the days, dBA"),
        expected("expected_weekly_dba", "weekly level, dBA"), _DB), _weekly),
)  # fmt: skip
