"""Vector files of data quality: capture rules and QARTOD tests."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from osh_domain import coverage, quality_tests
from osh_domain.quality_tests import QcFlag
from oshwatch.science.columns import Column, number, parameters, readings, switch, whole, word
from oshwatch.science.rows import Check, Row, RowMistake, VectorFile

_SHIFT = "shift_less_60min"
_NEEDS = {
    "gross_range": ({"suspect", "fail"}, set[str]()),
    "spike_average": ({"suspect", "fail"}, {"suspect", "fail"}),
    "rate_of_change": ({"threshold_per_s"}, {"threshold_per_s"}),
    "flat_line": ({"suspect_s", "fail_s", "tolerance"}, {"suspect_s", "fail_s", "tolerance"}),
}
"""Test -> the parameters it knows, and those it needs."""


def _rule(cell: str) -> str:
    try:
        share = float(cell.removeprefix("fraction_"))
    except ValueError:
        share = -1.0
    if cell != _SHIFT and not (cell.startswith("fraction_") and 0.0 < share <= 1.0):
        raise ValueError(f"{cell!r} is neither {_SHIFT} nor fraction_ with a share, as fraction_0.75")
    return cell


def _capture(row: Row) -> Iterator[Check]:
    rule, due, valid = row.word("rule"), row.whole("expected_samples"), row.whole("valid_samples")

    def enough() -> float:
        if rule == _SHIFT:
            return float(coverage.shift_capture(due, valid))
        share = float(rule.removeprefix("fraction_"))
        return float(coverage.Capture(share).enough(coverage.Coverage(due, valid, 0.0)))

    yield row.expect("expected_valid", enough)


def _flags(row: Row) -> Iterator[Check]:
    values, interval = row.readings("values"), row.number("interval_s")
    name, given = row.word("test"), row.parameters("parameters")
    known, needed = _NEEDS[name]
    if wrong := sorted((set(given) - known) | (needed - set(given))):
        raise RowMistake("parameters", f"{', '.join(wrong)}: {name} takes {', '.join(sorted(known))}")
    spans = name == "gross_range"
    if any(isinstance(one, tuple) is not spans for one in given.values()):
        raise RowMistake("parameters", f"{name} takes {'low..high spans' if spans else 'single numbers'}")
    keys: dict[str, Any] = dict(given)
    run: dict[str, Callable[[], Sequence[QcFlag]]] = {
        "gross_range": lambda: quality_tests.gross_range(values, **keys),
        "spike_average": lambda: quality_tests.spike(values, **keys),
        "rate_of_change": lambda: quality_tests.rate_of_change(values, interval, **keys),
        "flat_line": lambda: quality_tests.flat_line(values, interval, **keys),
    }
    yield row.expect("expected_flags", lambda: ";".join(str(int(flag)) for flag in run[name]()))


def _flag_text(cell: str) -> str:
    parts = [part.strip() for part in cell.split(";")]
    if not all(part in {"1", "2", "3", "4", "9"} for part in parts):
        raise ValueError(f"{cell!r} is not a list of flags 1, 2, 3, 4 or 9 joined by ;")
    return ";".join(parts)


FILES: tuple[VectorFile, ...] = (
    VectorFile("data_capture", "minimum data capture", (
        Column("rule", _rule, f"fraction_ and a share, or {_SHIFT}"),
        whole("expected_samples", "samples or minutes due"), whole("valid_samples", "those that are valid"),
        switch("expected_valid", "a value may be published")), _capture),
    VectorFile("qc_flags", "QARTOD tests", (
        word("test", *_NEEDS), readings("values", "values, evenly spaced"),
        number("interval_s", "seconds between them"),
        parameters("parameters", "name=number or name=low..high, joined by ;"),
        Column("expected_flags", _flag_text, "flag of each value, joined by ;; blank: the code must refuse",
               blank=True)), _flags),
)  # fmt: skip
