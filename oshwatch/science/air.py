"""Vector files of air: means, mixtures, units, particles, long shifts."""

from __future__ import annotations

from collections.abc import Iterator

from osh_domain.exposure import airborne, extended_shift, particulate
from oshwatch.science.columns import Pairs, expected, maybe, number, pairs, switch, tolerance, word
from oshwatch.science.rows import Check, Row, RowMistake, VectorFile

_MOST_MINUTES = 10_080
"""A week: longer records of one row are refused rather than spread out in memory."""


def _twa(row: Row) -> Iterator[Check]:
    samples, kind = row.pairs("samples"), row.word("kind")
    if kind == "max15_conc@min":
        minutes = _spread(samples)
        yield row.expect("expected", lambda: airborne.highest_15min(minutes), "tolerance")
        return
    method = airborne.twa_8h if kind == "twa8_conc@h" else airborne.stel_15min
    yield row.expect("expected", lambda: method(samples), "tolerance")


def _spread(samples: Pairs) -> list[float]:
    if any(minutes != int(minutes) or minutes < 0 for _, minutes in samples):
        raise RowMistake("samples", "needs whole minutes for the highest 15 of them")
    if sum(minutes for _, minutes in samples) > _MOST_MINUTES:
        raise RowMistake("samples", f"has more than {_MOST_MINUTES} minutes; split it into rows")
    return [value for value, minutes in samples for _ in range(int(minutes))]


def _mixture(row: Row) -> Iterator[Check]:
    parts = row.pairs("conc_over_limit")
    yield row.expect("expected_index", lambda: airborne.mixture_index(parts), "tolerance")
    yield row.expect("expected_exceeds", lambda: float(airborne.mixture_index(parts) > 1.0))


def _ppm(row: Row) -> Iterator[Check]:
    conditions = [row.number(key) for key in ("molar_mass_g_mol", "t_c", "pressure_kpa")]
    found = row.number("ppm")
    yield row.expect("expected_mg_m3", lambda: airborne.mg_m3(found, *conditions), "tolerance_mg_m3")

    def back() -> float:
        return airborne.ppm(airborne.mg_m3(found, *conditions), *conditions)

    yield Check("ppm", found, 1e-9 * max(1.0, abs(found)), back)


def _particles(row: Row) -> Iterator[Check]:
    raw, rh, method = row.number("raw_ug_m3"), row.number("rh_pct"), row.word("method")
    if method == "kappa":
        kappa = row.number("kappa")
        yield row.expect("expected_ug_m3", lambda: particulate.kappa_dry(raw, rh, kappa), "tolerance")
        return
    formula = particulate.barkjohn if method == "barkjohn2021" else particulate.epa_piecewise
    yield row.expect("expected_ug_m3", lambda: formula(raw, rh), "tolerance")


def _brief_scala(row: Row) -> Iterator[Check]:
    daily = row.word("basis_period") == "daily"
    formula = extended_shift.daily_reduction if daily else extended_shift.weekly_reduction
    hours = row.number("hours")
    yield row.expect("expected_factor", lambda: formula(hours), "tolerance")


_TOLERANCE = tolerance("tolerance")

FILES: tuple[VectorFile, ...] = (
    VectorFile("twa", "eight-hour and short-term means", (
        word("kind", "twa8_conc@h", "stel15_conc@min", "max15_conc@min"),
        pairs("samples", "concentration@duration;..., h or min by the kind"),
        expected("expected", "mean"), _TOLERANCE), _twa),
    VectorFile("mixture", "mixture with additive effects", (
        pairs("conc_over_limit", "concentration/limit;...", "/"), expected("expected_index", "sum of C/L"),
        switch("expected_exceeds", "the limit of the mixture is exceeded"), _TOLERANCE), _mixture),
    VectorFile("ppm", "ppm and mg/m3", (
        number("molar_mass_g_mol", "molar mass, g/mol"), number("ppm", "concentration, ppm"),
        number("t_c", "temperature, C"), number("pressure_kpa", "pressure, kPa"),
        expected("expected_mg_m3", "concentration, mg/m3"), tolerance("tolerance_mg_m3")), _ppm),
    VectorFile("pm_correction", "corrections of optical particles", (
        word("method", "kappa", "barkjohn2021", "epa_2021_piecewise"),
        number("raw_ug_m3", "raw mass, ug/m3"), number("rh_pct", "relative humidity, %"),
        maybe("kappa", "kappa of the aerosol"), expected("expected_ug_m3", "mass, ug/m3"), _TOLERANCE),
        _particles),
    VectorFile("brief_scala", "limits of long shifts", (
        word("basis_period", "daily", "weekly"), number("hours", "hours a day or week"),
        expected("expected_factor", "factor on the limit"), _TOLERANCE), _brief_scala),
)  # fmt: skip
