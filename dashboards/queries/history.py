"""Queries of what happened: cases, their history, notices, and the devices (SQL on the views)."""

from __future__ import annotations

from typing import Final

from dashboards.queries.cases import IN_COUNTRY, LIVE, OPEN, SINCE, SITE, UNTIL, ZONE
from dashboards.sources import Sql

OF_COUNTRY: Final = IN_COUNTRY
OF_ZONE: Final = f"(zone = {ZONE} OR (site = {SITE} AND zone IS NULL))"
"""Cases of one zone, and those of its factory as a whole."""
OF_SITE: Final = f"site = {SITE}"
IN_RANGE: Final = f"opened_at <= {UNTIL} AND coalesce(closed_at, cleared_at, 'infinity') >= {SINCE}"
SILENT_AFTER: Final = "interval '15 minutes'"

_LOCAL: Final = "to_char({} AT TIME ZONE coalesce(timezone, 'UTC'), 'YYYY-MM-DD HH24:MI')"


def case_marks(where: str, *, spans: bool = False) -> str:
    """Cases as notes on the time line: where they were opened, or spans up to their ends."""
    end = f" least(coalesce(cleared_at, closed_at, {UNTIL}), {UNTIL}) AS timeend,"
    return f"""SELECT opened_at AS time,{end if spans else ""}
  coalesce(title, rule) || coalesce(': ' || zone_name, '') AS text, severity || ',' || hazard AS tags
FROM grafana.v1_cases WHERE {where} AND {IN_RANGE} ORDER BY opened_at"""


def cases(ref: str, where: str, *, only_open: bool = False) -> Sql:
    """Cases of the range, those that run first, then the newest; times are the factory's own."""
    span = f"{LIVE} AND {OPEN}" if only_open else IN_RANGE
    return Sql(
        ref,
        f"""SELECT severity, state, hazard, site_name, zone_name, title, value, unit, limit_value,
  {_LOCAL.format("opened_at")} AS opened, {_LOCAL.format("cleared_at")} AS cleared,
  seen_by_worker::text AS seen_by_worker, seen_by_management::text AS seen_by_management,
  extract(epoch FROM first_action_at - opened_at) AS answered_after, timezone, case_id
FROM grafana.v1_cases WHERE {where} AND {span}
ORDER BY CASE state WHEN 'open' THEN 0 WHEN 'cleared' THEN 1 ELSE 2 END,
  CASE severity WHEN 'danger' THEN 0 WHEN 'warning' THEN 1 ELSE 2 END, opened_at DESC LIMIT 500""",
    )


def opened(ref: str, where: str) -> Sql:
    """How many cases were opened in each step, by severity."""
    return Sql(
        ref,
        f"""SELECT $__timeGroup(opened_at, $__interval) AS time, severity AS metric, count(*) AS cases
FROM grafana.v1_cases WHERE {where} AND {LIVE} AND $__timeFilter(opened_at) GROUP BY 1, 2 ORDER BY 1, 2""",
        "time_series",
    )


def open_count(ref: str, where: str, severity: str) -> Sql:
    """How many cases of a severity had not ended at the end of the range."""
    return Sql(
        ref,
        f"SELECT count(*) AS cases FROM grafana.v1_cases WHERE {where} AND {LIVE} AND {OPEN} "
        f"AND severity = '{severity}' AND hazard NOT IN ('silence', 'device')",
    )


def answer_time(ref: str, where: str) -> Sql:
    """Median time from opening to the first action written down; unknown where nothing was."""
    return Sql(
        ref,
        "SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY extract(epoch FROM first_action_at - opened_at)) "
        f"AS answered_after FROM grafana.v1_cases WHERE {where} AND {LIVE} AND $__timeFilter(opened_at) "
        "AND first_action_at IS NOT NULL",
    )


def seen_share(ref: str, where: str) -> Sql:
    """Share of the cases that both sides of the committee signed."""
    return Sql(
        ref,
        "SELECT avg(CASE WHEN seen_by_worker AND seen_by_management THEN 1.0 ELSE 0.0 END) AS seen "
        f"FROM grafana.v1_cases WHERE {where} AND {LIVE} AND $__timeFilter(opened_at) "
        "AND hazard NOT IN ('silence', 'device') AND severity <> 'notice'",
    )


def events(ref: str) -> Sql:
    """Every line of history in the range; what people wrote stays on the pages."""
    return Sql(
        ref,
        """SELECT to_char(e.at AT TIME ZONE s.timezone, 'YYYY-MM-DD HH24:MI:SS') AS at, s.name AS site_name,
  z.name AS zone_name, e.hazard, e.severity, replace(e.kind, '_', ' ') AS kind, e.side, e.text, e.case_id
FROM grafana.v1_case_events e
JOIN grafana.v1_sites s ON s.site = e.site
LEFT JOIN grafana.v1_zones z ON z.zone = e.zone
WHERE s.country ~ '^(${country:regex})$' AND e.site ~ '^(${sites:regex})$' AND $__timeFilter(e.at)
ORDER BY e.at DESC, e.event_id DESC LIMIT 1000""",
    )


def notices(ref: str) -> Sql:
    """What became of each notice: to which side, by which way, how often tried."""
    return Sql(
        ref,
        """SELECT to_char(n.created_at AT TIME ZONE s.timezone, 'YYYY-MM-DD HH24:MI:SS') AS at,
  s.name AS site_name, n.hazard, n.severity, n.side,
  coalesce(nullif(n.channel, ''), 'page') AS channel, n.state, n.tries,
  extract(epoch FROM n.last_try_at - n.created_at) AS took, n.case_id
FROM grafana.v1_notices n JOIN grafana.v1_sites s ON s.site = n.site
WHERE s.country ~ '^(${country:regex})$' AND n.site ~ '^(${sites:regex})$' AND $__timeFilter(n.created_at)
ORDER BY n.created_at DESC LIMIT 1000""",
    )


def notice_fates(ref: str) -> Sql:
    """How many notices of the range stand how."""
    return Sql(
        ref,
        """SELECT n.state, count(*) AS notices
FROM grafana.v1_notices n JOIN grafana.v1_sites s ON s.site = n.site
WHERE s.country ~ '^(${country:regex})$' AND n.site ~ '^(${sites:regex})$' AND $__timeFilter(n.created_at)
GROUP BY n.state ORDER BY 2 DESC""",
    )


# --- devices ----------------------------------------------------------------------------------------

_STATE: Final = f"""CASE WHEN last_batch_at IS NULL OR last_batch_at < {UNTIL} - {SILENT_AFTER}
    THEN 'silent' ELSE 'heard' END"""
_MINE: Final = f"{IN_COUNTRY} AND revoked_at IS NULL"


def gateway_count(ref: str) -> Sql:
    """How many gateways are in use."""
    return Sql(ref, f"SELECT count(*) AS gateways FROM grafana.v1_gateways WHERE {_MINE}")


def silent_gateways(ref: str) -> Sql:
    """How many of them delivered nothing lately."""
    return Sql(
        ref,
        f"SELECT count(*) AS gateways FROM grafana.v1_gateways WHERE {_MINE} "
        f"AND (last_batch_at IS NULL OR last_batch_at < {UNTIL} - {SILENT_AFTER})",
    )


def refused(ref: str) -> Sql:
    """What could not be taken in as sent, since the gateways were added."""
    return Sql(
        ref,
        "SELECT sum(rejected) AS rejected, sum(conflicts) AS conflicts, sum(drops) AS dropped, "
        f"sum(chain_breaks) AS chain_breaks FROM grafana.v1_gateways WHERE {_MINE}",
    )


def gateways(ref: str) -> Sql:
    """Every gateway, those in trouble first."""
    return Sql(
        ref,
        f"""SELECT {_STATE} AS heard, state, gateway, site_name, kind,
  {_LOCAL.format("last_batch_at")} AS last_batch,
  extract(epoch FROM {UNTIL} - last_batch_at) AS age, backlog, clock, clock_error_s, drops, rejected,
  conflicts, chain_breaks, site, timezone
FROM grafana.v1_gateways WHERE {_MINE}
ORDER BY last_batch_at ASC NULLS FIRST, rejected DESC, gateway LIMIT 2000""",
    )


def device_cases(ref: str) -> Sql:
    """Silences and doubts about sensors that were open in the range."""
    return Sql(
        ref,
        f"""SELECT severity, state, hazard, site_name, zone_name, subject, title,
  {_LOCAL.format("opened_at")} AS opened, {_LOCAL.format("cleared_at")} AS cleared, case_id
FROM grafana.v1_cases WHERE {IN_COUNTRY} AND hazard IN ('silence', 'device') AND {IN_RANGE}
ORDER BY CASE state WHEN 'open' THEN 0 ELSE 1 END, opened_at DESC LIMIT 500""",
    )
