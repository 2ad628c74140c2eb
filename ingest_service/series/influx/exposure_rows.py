"""Exposures as they stand in InfluxDB, and what of them a transaction is about to write. Pure."""

from __future__ import annotations

import json
from typing import Final, NamedTuple

from ingest_service.series.influx.answers import minute_at, real, real_or_none, whole
from ingest_service.series.influx.lines import MINUTE_NS, fields, series_key
from ingest_service.series.influx.link import Row
from ingest_service.series.port import ExposureRow

COLUMNS: Final = (
    '"value", coverage, expected, received, worst_gap_s, "method", grade, calc, revision, change, was'
)
_COMPARED: Final = slice(3, 11)
_NUMBERS: Final = ("value", "method", "grade", "calc")


class Stored(NamedTuple):
    """A row with what it replaced, as the writing that replaced it noted."""

    row: ExposureRow
    was: str


class Staged(NamedTuple):
    """What a transaction makes of a minute: a row, or None where it is taken away.

    `prior`: what readers were told before; `shows_value`: whether the store holds a value there, which a row
    without one does not overwrite.
    """

    row: ExposureRow | None
    prior: ExposureRow | None
    shows_value: bool


def stored_of(zone: str, kind: str, row: Row) -> Stored:
    value, coverage, expected, received, gap, method, grade, calc, revision, change, was = row[1:]
    return Stored(
        ExposureRow(
            zone,
            kind,
            minute_at(row),
            real_or_none(value),
            real(coverage),
            whole(expected),
            whole(received),
            real(gap),
            str(method),
            whole(grade),
            str(calc),
            whole(revision),
            whole(change),
        ),
        str(was or ""),
    )


def told_before(stored: Stored) -> ExposureRow | None:
    """Of a row whose writing was lost: the row that readers know, None when they know none."""
    if not stored.was:
        return None
    known = json.loads(stored.was)
    if known.pop("change") != stored.row.change:
        return None  # it is of an earlier replacement
    return stored.row._replace(**known)


def same(one: ExposureRow, other: ExposureRow) -> bool:
    """Whether nothing differs but how often and when it was written."""
    return one[_COMPARED] == other[_COMPARED]


def same_number(one: ExposureRow, other: ExposureRow) -> bool:
    """Whether a replacement is no revision."""
    return (one.value, one.method, one.grade, one.calc) == (
        other.value,
        other.method,
        other.grade,
        other.calc,
    )


def exposure_key(zone: str, kind: str) -> str:
    return series_key("exposure", {"site": site_of(zone), "zone": zone, "kind": kind})


def site_of(zone: str) -> str:
    """Zones are named within their site."""
    return zone.partition("/")[0]


def line(key: str, staged: Staged) -> str:
    """The line of a row that is to be written; `key` is that of its zone and kind."""
    row, prior = staged.row, staged.prior
    assert row is not None  # noqa: S101 - rows that go have no line
    texts = [("method", row.method), ("calc", row.calc)]
    if prior is not None:
        known = {name: getattr(prior, name) for name in (*_NUMBERS, "revision")}
        texts.append(("was", json.dumps({"change": row.change, **known})))
    numbers: list[tuple[str, float | None]] = [
        ("value", row.value),
        ("coverage", row.coverage),
        ("expected", row.expected),
        ("received", row.received),
        ("worst_gap_s", row.worst_gap_s),
        ("grade", row.grade),
        ("revision", row.revision),
        ("change", row.change),
    ]
    return f"{key} {fields(numbers, texts)} {row.minute * MINUTE_NS}"
