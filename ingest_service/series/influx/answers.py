"""What stands in answers, as the numbers that were written. Pure."""

from __future__ import annotations

from collections.abc import Iterable

from ingest_service.series.influx.link import Row, Value


def whole(value: Value) -> int:
    """A number that was written as a whole one."""
    return int(value)  # type: ignore[arg-type]  # what was written as a number is answered as one


def real(value: Value) -> float:
    return float(value)  # type: ignore[arg-type]


def real_or_none(value: Value) -> float | None:
    return None if value is None else float(value)


def minute_at(row: Row) -> int:
    """The minute that a row's time names."""
    return whole(row[0]) // 60_000_000


def runs(minutes: Iterable[int]) -> list[tuple[int, int]]:
    """Neighbouring numbers joined."""
    found: list[tuple[int, int]] = []
    for minute in sorted(set(minutes)):
        if found and minute == found[-1][1] + 1:
            found[-1] = found[-1][0], minute
        else:
            found.append((minute, minute))
    return found
