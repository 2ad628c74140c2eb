"""Queries of the series (InfluxQL, the subset that InfluxDB 1.8, 2 and 3 all answer).

Nothing is averaged here: an exposure is a window's value already, and decibels must not be averaged as
numbers.
Of each step of a chart the worst is shown: the highest value, and the lowest coverage. A step without a
number stays empty.
"""

from __future__ import annotations

from typing import Final

from dashboards.sources import InfluxQL

ZONE: Final = "\"zone\" = '${zone:raw}'"
ZONES_OF_SITE: Final = "\"site\" = '${site:raw}'"
STEP: Final = "GROUP BY time($__interval)"


def exposure(ref: str, kind: str, alias: str, *, where: str = ZONE) -> InfluxQL:
    """The highest value of each step of one kind in one zone."""
    return InfluxQL(
        ref,
        f'SELECT max("value") FROM "exposure" WHERE {where} AND "kind" = \'{kind}\' AND $timeFilter '
        f"{STEP} fill(null)",
        alias,
    )


def exposure_by_zone(ref: str, kind: str) -> InfluxQL:
    """The same for every zone of the site, a line each."""
    return InfluxQL(
        ref,
        f'SELECT max("value") FROM "exposure" WHERE {ZONES_OF_SITE} AND "kind" = \'{kind}\' AND $timeFilter '
        f'{STEP}, "zone" fill(null)',
        "$tag_zone",
    )


def coverage(ref: str, kind: str, alias: str, *, where: str = ZONE) -> InfluxQL:
    """The lowest coverage of each step: what share of the data a value stands on."""
    return InfluxQL(
        ref,
        f'SELECT min("coverage") FROM "exposure" WHERE {where} AND "kind" = \'{kind}\' AND $timeFilter '
        f"{STEP} fill(null)",
        alias,
    )


def coverage_by_zone(ref: str, kind: str) -> InfluxQL:
    """The same for every zone of the site, a line each."""
    return InfluxQL(
        ref,
        f'SELECT min("coverage") FROM "exposure" WHERE {ZONES_OF_SITE} AND "kind" = \'{kind}\' '
        f'AND $timeFilter {STEP}, "zone" fill(null)',
        "$tag_zone",
    )


def newest(ref: str, kind: str) -> InfluxQL:
    """The newest row of a kind in a zone: value, coverage, grade, how often it was revised."""
    return InfluxQL(
        ref,
        'SELECT "value", "coverage", "grade", "worst_gap_s", "revision" FROM "exposure" '
        f"WHERE {ZONE} AND \"kind\" = '{kind}' AND $timeFilter ORDER BY time DESC LIMIT 1",
        shape="table",
    )


def shifts(ref: str, kind: str) -> InfluxQL:
    """What a zone's shifts came to, with how much of each was known."""
    return InfluxQL(
        ref,
        'SELECT "high", "value", "known", "expected", "grade", "revision" FROM "summary" '
        f"WHERE {ZONE} AND \"kind\" = '{kind}' AND \"period\" = 'shift' AND $timeFilter ORDER BY time DESC",
        shape="table",
    )


def readings_by_gateway(ref: str) -> InfluxQL:
    """How many readings each gateway of the site delivered in each step."""
    return InfluxQL(
        ref,
        f'SELECT sum("n") FROM "minute" WHERE {ZONES_OF_SITE} AND $timeFilter {STEP}, "gateway" fill(null)',
        "$tag_gateway",
    )


def of_devices(ref: str, quantity: str, worst: str) -> InfluxQL:
    """A gateway's word about itself: `worst` is max or min, whichever is the trouble."""
    return InfluxQL(
        ref,
        f'SELECT {worst}("value") FROM "reading" WHERE {ZONES_OF_SITE} AND "sensor" = \'sys\' '
        f'AND "quantity" = \'{quantity}\' AND $timeFilter {STEP}, "gateway" fill(null)',
        "$tag_gateway",
    )


def doubted(ref: str) -> InfluxQL:
    """Minutes in which a channel failed a plausibility test, or was suspect."""
    return InfluxQL(
        ref,
        f'SELECT count("flag") FROM "quality" WHERE {ZONES_OF_SITE} AND $timeFilter '
        f'{STEP}, "sensor", "quantity" fill(null)',
        "$tag_sensor $tag_quantity",
    )
