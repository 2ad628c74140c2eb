"""Queries of places, limits, cases and devices (SQL on the views of the schema `grafana`).

"Now" is the end of the dashboard's range, so that a past day is shown as it stood.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from dashboards.sources import Sql

UNTIL: Final = "$__timeTo()::timestamptz"
SINCE: Final = "$__timeFrom()::timestamptz"
SITE: Final = "${site:sqlstring}"
ZONE: Final = "${zone:sqlstring}"
IN_COUNTRY: Final = "country ~ '^(${country:regex})$'"

OPEN: Final = f"opened_at <= {UNTIL} AND coalesce(cleared_at, closed_at, 'infinity') > {UNTIL}"
"""A case that had not ended at the end of the range; what was found afterwards never began."""
LIVE: Final = "state <> 'found_afterwards'"
JUDGED_AGE: Final = "interval '15 minutes'"
"""Older than this the rules' last word about a zone is no word about now."""
TOLD: Final = 0.75
"""Of the minutes that should have been judged; with fewer known, "never above" is not said."""

# --- variables ------------------------------------------------------------------------------------

COUNTRIES: Final = "SELECT DISTINCT country FROM grafana.v1_sites ORDER BY country"
SITES: Final = (
    f"SELECT name AS __text, site AS __value FROM grafana.v1_sites WHERE {IN_COUNTRY} ORDER BY name, site"
)
ZONES: Final = (
    f"SELECT name AS __text, zone AS __value FROM grafana.v1_zones WHERE site = {SITE} ORDER BY name, zone"
)
TIMEZONE: Final = f"SELECT timezone FROM grafana.v1_sites WHERE site = {SITE}"
WORD: Final = f"SELECT word FROM grafana.v1_zones WHERE zone = {ZONE}"
PUBLIC_URL: Final = "SELECT value FROM grafana.v1_installation WHERE name = 'public_url'"


# --- how places stand -----------------------------------------------------------------------------

_SITE_STATES: Final = f"""
  SELECT s.*, s.women + s.men AS workers, coalesce(c.open_cases, 0) AS open_cases, c.oldest,
    CASE WHEN c.danger > 0 THEN 'danger' WHEN c.warning > 0 THEN 'warning' WHEN c.silence > 0 THEN 'silent'
      WHEN j.judged_at IS NULL OR j.judged_at < {UNTIL} - {JUDGED_AGE} THEN 'cannot_tell'
      WHEN c.open_cases > 0 THEN 'notice' ELSE 'no_case' END AS state
  FROM grafana.v1_sites s
  LEFT JOIN (
    SELECT site, count(*) AS open_cases, min(opened_at) AS oldest,
      count(*) FILTER (WHERE severity = 'danger' AND hazard NOT IN ('silence', 'device')) AS danger,
      count(*) FILTER (WHERE severity = 'warning' AND hazard NOT IN ('silence', 'device')) AS warning,
      count(*) FILTER (WHERE hazard = 'silence') AS silence
    FROM grafana.v1_cases WHERE {LIVE} AND {OPEN} GROUP BY site
  ) c ON c.site = s.site
  LEFT JOIN (
    SELECT site, min(judged_at) AS judged_at FROM grafana.v1_zones WHERE judged_at IS NOT NULL GROUP BY site
  ) j ON j.site = s.site
  WHERE s.{IN_COUNTRY}"""

# Per zone and stretch, by the rule that counts for each quantity, the longest above; where none was above,
# the least known speaks.
_STRETCHES: Final = """
  SELECT j.site, j.zone, j.start_minute, max(j.above) AS above, min(j.above + j.within) AS known,
    max(j.end_minute - j.start_minute) AS expected
  FROM grafana.v1_judged_shifts j
  JOIN grafana.v1_limits l ON l.zone = j.zone AND l.rule = j.rule AND l.counted
  WHERE l.hazard = ${hazard:sqlstring} AND j.start_minute >= $__unixEpochFrom() / 60
    AND j.start_minute < $__unixEpochTo() / 60
  GROUP BY j.site, j.zone, j.start_minute"""

_ZONE_HOURS: Final = f"""
  SELECT t.site, t.zone, sum(t.above) / 60.0 AS hours,
    sum(t.above) / 60.0 * (z.women + z.men) AS worker_hours,
    sum(t.above) AS above, sum(t.known) AS known, sum(t.expected) AS expected
  FROM ({_STRETCHES}) t JOIN grafana.v1_zones z ON z.zone = t.zone
  GROUP BY t.site, t.zone, z.women, z.men"""


def site_count(ref: str, state: str | None = None) -> Sql:
    """How many factories there are, or stand in one state."""
    where = f" WHERE state = '{state}'" if state else ""
    return Sql(ref, f"SELECT count(*) AS factories FROM ({_SITE_STATES}) s{where}")


def site_points(ref: str) -> Sql:
    """Where the factories are, how they stand, and how many people work there."""
    return Sql(
        ref,
        "SELECT name, latitude, longitude, state, workers, site, timezone "
        f"FROM ({_SITE_STATES}) s WHERE latitude IS NOT NULL AND longitude IS NOT NULL",
    )


def ranking(ref: str) -> Sql:
    """Factories by hours above a limit in their worst zone; unknown where too little was measured."""
    return Sql(
        ref,
        f"""WITH states AS ({_SITE_STATES}), hours AS ({_ZONE_HOURS}), spans AS (
  SELECT site, max(hours) AS hours, sum(worker_hours) AS worker_hours, sum(above) AS above,
    sum(known) AS known,    sum(expected) AS expected FROM hours GROUP BY site
)
SELECT s.state, s.name, s.district, s.sector, s.workers,
  CASE WHEN h.above > 0 OR h.known >= {TOLD} * h.expected THEN h.hours END AS hours_above,
  CASE WHEN h.above > 0 OR h.known >= {TOLD} * h.expected THEN h.worker_hours END AS worker_hours_above,
  h.known / nullif(h.expected, 0) AS coverage, s.open_cases, s.oldest, s.site, s.country, s.timezone
FROM states s LEFT JOIN spans h ON h.site = s.site
ORDER BY hours_above DESC NULLS LAST, s.open_cases DESC, s.name LIMIT 500""",
    )


def calendar(ref: str) -> Sql:
    """Per factory and local day the share of judged time above a limit; empty where too little is known.

    A day stands at its noon, so that a reader in another time zone sees the same date.
    """
    return Sql(
        ref,
        f"""SELECT date_trunc('day', to_timestamp(t.start_minute * 60.0) AT TIME ZONE s.timezone)
    AT TIME ZONE s.timezone + interval '12 hours' AS time, s.name AS metric,
  CASE WHEN sum(t.above) > 0 OR sum(t.known) >= {TOLD} * sum(t.expected)
    THEN sum(t.above)::double precision / nullif(sum(t.known), 0) END AS share
FROM ({_STRETCHES}) t JOIN grafana.v1_sites s ON s.site = t.site
WHERE s.{IN_COUNTRY} GROUP BY 1, 2 ORDER BY 1, 2""",
        "time_series",
    )


def national_coverage(ref: str) -> Sql:
    """Share of the minutes that should have been judged about which something is known."""
    return Sql(
        ref,
        f"""SELECT sum(t.known)::double precision / nullif(sum(t.expected), 0) AS coverage
FROM ({_STRETCHES}) t JOIN grafana.v1_sites s ON s.site = t.site WHERE s.{IN_COUNTRY}""",
    )


def zones_now(ref: str) -> Sql:
    """The zones of a factory, with their newest verdict of the rules that count, the worst first."""
    return Sql(
        ref,
        f"""SELECT CASE WHEN z.judged_at IS NULL OR z.judged_at < {UNTIL} - {JUDGED_AGE} THEN 'silent'
    WHEN c.severity IS NOT NULL THEN c.severity ELSE coalesce(v.verdict, 'cannot_tell') END AS state,
  z.name, z.kind, z.women + z.men AS workers, coalesce(c.cases, 0) AS open_cases, c.since,
  to_char(z.judged_at AT TIME ZONE z.timezone, 'YYYY-MM-DD HH24:MI') AS judged_at, z.zone, z.word, z.timezone
FROM grafana.v1_zones z
LEFT JOIN (
  SELECT zone, count(*) AS cases, min(opened_at) AS since,
    CASE min(CASE severity WHEN 'danger' THEN 0 WHEN 'warning' THEN 1 ELSE 2 END)
      WHEN 0 THEN 'danger' WHEN 1 THEN 'warning' ELSE 'notice' END AS severity
  FROM grafana.v1_cases
  WHERE site = {SITE} AND {LIVE} AND {OPEN} AND hazard NOT IN ('silence', 'device') GROUP BY zone
) c ON c.zone = z.zone
LEFT JOIN LATERAL (
  SELECT CASE min(CASE n.verdict WHEN 'above' THEN 0 WHEN 'cannot_tell' THEN 1 ELSE 2 END)
    WHEN 0 THEN 'above' WHEN 1 THEN 'cannot_tell' WHEN 2 THEN 'within' END AS verdict
  FROM grafana.v1_limits l
  CROSS JOIN LATERAL (
    SELECT j.verdict FROM grafana.v1_judgements j
    WHERE j.zone = z.zone AND j.rule = l.rule AND j.minute <= $__unixEpochTo() / 60
      AND j.minute > $__unixEpochTo() / 60 - 15 ORDER BY j.minute DESC LIMIT 1
  ) n
  WHERE l.zone = z.zone AND l.counted
) v ON true
WHERE z.site = {SITE}
ORDER BY array_position(
  ARRAY['danger', 'above', 'warning', 'silent', 'cannot_tell', 'notice', 'within'],
  CASE WHEN z.judged_at IS NULL OR z.judged_at < {UNTIL} - {JUDGED_AGE} THEN 'silent'
    ELSE coalesce(c.severity, v.verdict, 'cannot_tell') END), z.name""",
    )


def zone_course(ref: str, hazards: Mapping[str, str]) -> Sql:
    """The worst verdict of each step for each zone and hazard: 2 above, 1 cannot tell, 0 within.

    Nothing where nothing was judged. `hazards`: how each is called.
    """
    names = " ".join(
        f"WHEN '{name}' THEN '{word.replace(chr(39), chr(39) * 2)}'" for name, word in hazards.items()
    )
    return Sql(
        ref,
        f"""SELECT $__timeGroup(j.at, $__interval) AS time,
  z.name || ', ' || CASE l.hazard {names} ELSE l.hazard END AS metric,
  max(CASE j.verdict WHEN 'above' THEN 2 WHEN 'cannot_tell' THEN 1 ELSE 0 END) AS verdict
FROM grafana.v1_zones z
JOIN grafana.v1_limits l ON l.zone = z.zone AND l.counted
JOIN grafana.v1_judgements j ON j.zone = z.zone AND j.rule = l.rule
WHERE z.site = {SITE} AND j.minute > $__unixEpochFrom() / 60 AND j.minute <= $__unixEpochTo() / 60
GROUP BY 1, 2 ORDER BY 1, 2""",
        "time_series",
    )


# --- limits -----------------------------------------------------------------------------------------


def limit_lines(ref: str, *kinds: str) -> Sql:
    """The limits of these kinds in a zone as lines, each named with its instrument and clause.

    The sign before the name is that of its severity.
    """
    names = ", ".join(f"'{kind}'" for kind in kinds)
    return Sql(
        ref,
        f"""SELECT t.at AS time,
  CASE l.severity WHEN 'danger' THEN '⬢ ' WHEN 'warning' THEN '▲ ' ELSE '◆ ' END
  || l.label || ' (' || l.instrument || ', ' || l.clause || ')' AS metric, l.value
FROM grafana.v1_limits l CROSS JOIN (VALUES ({SINCE}), ({UNTIL})) AS t(at)
WHERE l.zone = {ZONE} AND l.kind IN ({names}) ORDER BY 1, 2""",
        "time_series",
    )


def limits_in_force(ref: str, where: str = f"zone = {ZONE}") -> Sql:
    """The limits in force, where they come from and how surely that is known."""
    return Sql(
        ref,
        f"""SELECT severity, hazard, kind, value, unit,
  CASE WHEN at_least THEN 'at least' ELSE 'at most' END AS compare,
  label, instrument, clause, confidence, layer, pack, rule
FROM grafana.v1_limits WHERE {where}
ORDER BY CASE severity WHEN 'danger' THEN 0 WHEN 'warning' THEN 1 ELSE 2 END, kind, value""",
    )


def shifts_above(ref: str) -> Sql:
    """Per stretch that is over and per limit, how long a zone was above it, and how much is known."""
    return Sql(
        ref,
        f"""SELECT to_char(j.start_at AT TIME ZONE z.timezone, 'YYYY-MM-DD HH24:MI') AS began,
  to_char(j.end_at AT TIME ZONE z.timezone, 'YYYY-MM-DD HH24:MI') AS ended, l.hazard, l.label,
  CASE WHEN j.above > 0 OR j.above + j.within >= {TOLD} * (j.end_minute - j.start_minute)
    THEN j.above / 60.0 END AS hours_above,
  (j.above + j.within)::double precision / nullif(j.end_minute - j.start_minute, 0) AS coverage
FROM grafana.v1_judged_shifts j
JOIN grafana.v1_limits l ON l.zone = j.zone AND l.rule = j.rule AND l.counted
JOIN grafana.v1_zones z ON z.zone = j.zone
WHERE j.zone = {ZONE} AND j.start_minute >= $__unixEpochFrom() / 60 AND j.start_minute < $__unixEpochTo() / 60
ORDER BY j.start_minute DESC, l.hazard, l.label""",
    )
