"""InfluxQL: the statements that are sent, from the part that 1.8, 2.x and 3 have in common. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from ingest_service.series.influx.lines import tag

MINUTE_US = 60_000_000
FIRST_US, LAST_US = -(2**62) // 1000, 2**62 // 1000
"""Instants [us] within what the store can say in nanoseconds."""


def quoted(value: str) -> str:
    """A tag's value in a condition."""
    return "'" + tag(value).replace("'", "\\'") + "'"


def is_tag(name: str, value: str) -> str:
    return f'"{name}" = {quoted(value)}'


def one_of(name: str, values: Iterable[str]) -> str:
    """A tag that has one of these values."""
    some = [is_tag(name, value) for value in values]
    return some[0] if len(some) == 1 else "(" + " OR ".join(some) + ")"


def any_of(conditions: Sequence[str]) -> str:
    return conditions[0] if len(conditions) == 1 else "(" + " OR ".join(conditions) + ")"


def all_tags(tags: Mapping[str, str]) -> str:
    return "(" + " AND ".join(is_tag(name, value) for name, value in tags.items()) + ")"


def between_us(first: int, end: int) -> str:
    """Times from `first` up to but without `end` [us]."""
    return f"time >= {max(first, FIRST_US)}u AND time < {min(end, LAST_US)}u"


def minutes(first: int, last: int) -> str:
    """Times of the minutes `first` to `last`, with what stands within a millisecond after the last."""
    return between_us(first * MINUTE_US, last * MINUTE_US + 1000)


def select(what: str, measurement: str, conditions: Iterable[str], group: str = "", tail: str = "") -> str:
    where = " AND ".join(conditions)
    parts = [f'SELECT {what} FROM "{measurement}"']  # noqa: S608 - values are quoted by `quoted`
    if where:
        parts.append(f"WHERE {where}")
    if group:
        parts.append(f"GROUP BY {group}")
    return " ".join([*parts, tail]).rstrip()


def delete(measurement: str, conditions: Iterable[str]) -> str:
    where = " AND ".join(conditions)
    return f'DELETE FROM "{measurement}" WHERE {where}'  # noqa: S608 - values are quoted by `quoted`
