"""Every row of the reference vectors within its own tolerance, by the checker that hygienists use.

What the checker itself is worth is shown by wrong rows, which must fail, and by numbers written here by hand.
"""

import csv
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from osh_domain import limits
from osh_domain.exposure import (
    airborne,
    clothing,
    extended_shift,
    globe,
    heat_index,
    heat_stress,
    noise,
    noise_dose,
    outdoor_wbgt,
    particulate,
)
from oshwatch.science.checking import check_directory, check_row
from oshwatch.science.reading import NOT_CASES, UNDERSTOOD, read_vectors, vector_files
from oshwatch.science.rows import Row, VectorFile

VECTORS = Path(__file__).parents[1] / "reference" / "vectors"
LEAST_ROWS = 380


def rows() -> Iterator[tuple[VectorFile, Row]]:
    for path in vector_files(VECTORS)[0]:
        found = read_vectors(path)
        yield from ((found.file, row) for row in found.rows)


CASES = [pytest.param(file, row, id=row.id) for file, row in rows()]


@pytest.mark.parametrize(("file", "row"), CASES)
def test_a_row_of_the_vectors_holds(file: VectorFile, row: Row) -> None:
    assert check_row(file, row) == []


def test_the_vectors_are_read_without_a_mistake_and_in_full() -> None:
    outcome = check_directory(VECTORS)
    assert (outcome.mistakes, outcome.failed, outcome.exit_code) == ([], 0, 0)
    lines = sum(
        len(list(csv.DictReader(path.read_text(encoding="utf-8").splitlines())))
        for path in VECTORS.glob("*.csv")
        if path.stem not in NOT_CASES
    )
    assert sum(one.passed for one in outcome.files) == lines >= LEAST_ROWS


def test_every_method_that_is_understood_has_a_file_of_vectors() -> None:
    assert {path.stem for path in VECTORS.glob("*.csv")} == {*UNDERSTOOD, *NOT_CASES}


def wrong(column: str, value: object) -> object:
    """Another value than the one expected, further off than any tolerance of the vectors."""
    if value is None:
        return 1.0
    if isinstance(value, bool):
        return not value
    if isinstance(value, str):
        return value + "_" if column == "expected_label" else "2;2"
    assert isinstance(value, float)
    return value * 1.5 + 7.0


@pytest.mark.parametrize(("file", "row"), CASES)
def test_a_row_with_another_expectation_fails(file: VectorFile, row: Row) -> None:
    expectations = [key for key in row.cells if key.startswith("expected") and key != "expected_samples"] or [
        "a_weighting_db",
        "c_weighting_db",
    ]
    for key in expectations:
        cells = {**row.cells, key: wrong(key, row.cells[key])}
        cells.update(
            {name: 1e-6 for name, cell in cells.items() if name.startswith("tolerance") and not cell}
        )
        found = check_row(file, replace(row, cells=cells))
        assert key in {difference.column for difference in found}


@pytest.mark.parametrize(
    ("found", "expected", "tolerance"),
    [
        (lambda: heat_stress.wbgt_indoor(25.0, 32.0), 27.1, 0.05),
        (lambda: globe.mean_radiant_temperature(53.2, 30.0, 0.3, 0.10), 74.8, 0.05),
        (lambda: heat_index.heat_index_f(90.0, 60.0), 100.0, 0.55),
        (lambda: limits.niosh_rel_c(348.9), 27.46, 0.005),
        (lambda: limits.limit("iso7243", metabolic_class=2, acclimatised=True).value, 28.0, 0.0),
        (lambda: clothing.clothing_caf("double_layer_cloth"), 3.0, 0.0),
        (lambda: noise.energy_average([80.0, 90.0]), 87.404, 0.0005),
        (lambda: noise.daily_exposure_level([(85.0, 10.0)]), 85.969, 0.0005),
        (lambda: noise.weekly_exposure_level([88.0, 88.0, 82.0, 82.0, 82.0]), 85.409, 0.0005),
        (lambda: noise_dose.allowed_hours(88.0, 85.0, 3.0), 4.0, 1e-12),
        (lambda: noise_dose.osha_action_level(12.0), 82.1, 0.05),
        (lambda: airborne.twa_8h([(150.0, 2.0), (75.0, 2.0), (50.0, 4.0)]), 81.25, 1e-9),
        (lambda: airborne.mg_m3(1.0, 46.006), 1.88, 0.005),
        (lambda: particulate.barkjohn(50.0, 50.0), 27.64, 0.001),
        (lambda: extended_shift.daily_reduction(16.0), 0.25, 1e-12),
        (
            lambda: outdoor_wbgt.outdoor_wbgt(
                34.0, 65.0, 1.5, 850.0, at=1_715_752_800.0, latitude=23.81, longitude=90.41,
                pressure=100_500.0, averaging_min=60,
            ).value,
            34.74,
            0.15,
        ),
    ],
)  # fmt: skip
def test_numbers_written_by_hand_hold_without_the_checker(
    found: Callable[[], float], expected: float, tolerance: float
) -> None:
    assert found() == pytest.approx(expected, abs=tolerance, rel=0)
