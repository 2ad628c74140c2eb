"""Grafana's contract: the views of schema `grafana` (PostgreSQL only), and the rows that only they show.

Names carry a version. A view is never changed in a way that a query of its version would notice: a new
version is a new view beside it. None shows the name, contact, password or token of a person, nor anything
that a person wrote.
"""

import sqlalchemy as sa
from alembic import op

revision = "0008_grafana"
down_revision = "0007_server_ledger"
branch_labels = None
depends_on = None

_SITES = """
SELECT s.id AS site, s.name, s.country, s.district, s.timezone, s.sector, s.latitude, s.longitude,
  coalesce(z.zones, 0) AS zones, coalesce(z.women, 0) AS women, coalesce(z.men, 0) AS men
FROM sites s LEFT JOIN (
  SELECT site, count(*) AS zones, sum(women) AS women, sum(men) AS men FROM grafana.v1_zones GROUP BY site
) z ON z.site = s.id
"""

# What is known of a zone as of now; `judged_at` is the newest minute that the rules judged.
_ZONES = """
SELECT z.id AS zone, z.site, split_part(z.id, '/', 2) AS word, z.name, z.kind, s.name AS site_name, s.country,
  s.district, s.timezone, f.metabolic_class, f.acclimatised, f.outdoors, f.radiant_source,
  coalesce(f.women, 0) AS women, coalesce(f.men, 0) AS men,
  to_timestamp(nullif(r.judged_to, -1) * 60.0) AS judged_at
FROM zones z
JOIN sites s ON s.id = z.site
LEFT JOIN LATERAL (
  SELECT * FROM zone_facts f
  WHERE f.zone = z.id AND f.valid_from <= extract(epoch FROM now()) ORDER BY f.valid_from DESC LIMIT 1
) f ON true
LEFT JOIN rule_states r ON r.zone = z.id AND r.rule = 'exposures'
"""

# `seen_by_*`: signed since the case last began, got worse or began again, as the pages count it.
_CASES = """
SELECT c.id AS case_id, c.site, s.name AS site_name, s.country, s.district, s.timezone, c.zone,
  z.name AS zone_name, c.hazard, c.subject, c.severity, c.state, c.rule, c.pack, c.event->>'title' AS title,
  c.event->>'exposure' AS exposure, (c.event->>'value')::double precision AS value,
  (c.event->'limit'->>'value')::double precision AS limit_value, c.event->>'unit' AS unit,
  c.event->'limit'->>'instrument' AS instrument, c.event->'limit'->>'clause' AS clause,
  to_timestamp(c.opened_at) AS opened_at, to_timestamp(c.cleared_at) AS cleared_at,
  to_timestamp(c.closed_at) AS closed_at, to_timestamp(a.at) AS first_action_at,
  coalesce(w.seen, false) AS seen_by_worker, coalesce(w.seen_too, false) AS seen_by_management
FROM cases c
LEFT JOIN sites s ON s.id = c.site
LEFT JOIN zones z ON z.id = c.zone
LEFT JOIN LATERAL (SELECT min(a.at) AS at FROM actions a WHERE a.case_id = c.id) a ON true
LEFT JOIN LATERAL (
  SELECT bool_or(g.side = 'worker') AS seen, bool_or(g.side = 'management') AS seen_too
  FROM signatures g
  WHERE g.case_id = c.id AND g.occasion >= coalesce((
    SELECT max(e.id) FROM case_events e
    WHERE e.case_id = c.id AND e.kind IN ('opened', 'worsened', 'raised_again')), 0)
) w ON true
"""

# The text of what people did stays on the pages: it is theirs and may name somebody.
_CASE_EVENTS = """
SELECT e.id AS event_id, e.case_id, c.site, c.zone, c.hazard, c.severity, to_timestamp(e.at) AS at, e.kind,
  e.side, CASE WHEN e.who IS NULL AND e.side IS NULL THEN e.text ELSE '' END AS text
FROM case_events e JOIN cases c ON c.id = e.case_id
"""

_GATEWAYS = """
SELECT g.id AS gateway, g.site, s.name AS site_name, s.country, s.district, s.timezone, g.kind,
  to_timestamp(g.added_at) AS added_at, to_timestamp(g.revoked_at) AS revoked_at,
  coalesce(t.state, 'unknown') AS state, to_timestamp(t.state_at) AS state_at,
  to_timestamp(t.last_batch_at) AS last_batch_at, t.backlog, t.clk AS clock, t.err AS clock_error_s,
  coalesce(t.drops, 0) AS drops, coalesce(t.rejected, 0) AS rejected,
  coalesce(t.conflicts, 0) AS conflicts, coalesce(t.chain_breaks, 0) AS chain_breaks
FROM gateways g
JOIN sites s ON s.id = g.site
LEFT JOIN gateway_status t ON t.gateway = g.id
"""

# A notice without whom it went to: the side, the way, and what became of it.
_NOTICES = """
SELECT n.id AS notice_id, n.case_id, c.site, c.zone, c.hazard, c.severity, n.kind, n.side,
  n.contact_kind AS channel, n.language, to_timestamp(n.created_at) AS created_at,
  to_timestamp(n.due_at) AS due_at, n.state, n.tries, t.outcome AS last_outcome,
  to_timestamp(t.at) AS last_try_at
FROM notices n
JOIN cases c ON c.id = n.case_id
LEFT JOIN LATERAL (
  SELECT a.outcome, coalesce(a.finished_at, a.started_at) AS at FROM attempts a
  WHERE a.notice_id = n.id ORDER BY a.id DESC LIMIT 1
) t ON true
"""

_LIMITS = """
SELECT l.zone, l.site, z.name AS zone_name, l.hazard, l.kind, l.value, l.unit, l.strict, l.at_least, l.label,
  l.instrument, l.clause, l.confidence, l.severity, l.layer, l.pack, l.rule, l.band_low, l.band_high,
  l.counted
FROM limit_lines l JOIN zones z ON z.id = l.zone
"""

# One verdict a minute and rule. Ask by `minute` (seconds since 1970 / 60), which is indexed.
_JUDGEMENTS = """
SELECT j.zone, split_part(j.zone, '/', 1) AS site, j.rule, j.minute, to_timestamp(j.minute * 60.0) AS at,
  j.verdict
FROM judgements j
"""

# Minutes of each stretch that is over (a shift, or what is left of a day outside shifts), by verdict.
_JUDGED_SHIFTS = """
SELECT j.zone, split_part(j.zone, '/', 1) AS site, j.rule, j.start AS start_minute, j."end" AS end_minute,
  to_timestamp(j.start * 60.0) AS start_at, to_timestamp(j."end" * 60.0) AS end_at,
  j.above, j.within, j.cannot_tell
FROM judged_shifts j
"""

_INSTALLATION = "SELECT name, value FROM installation"

_VIEWS = (
    ("v1_zones", _ZONES),
    ("v1_sites", _SITES),
    ("v1_cases", _CASES),
    ("v1_case_events", _CASE_EVENTS),
    ("v1_gateways", _GATEWAYS),
    ("v1_notices", _NOTICES),
    ("v1_limits", _LIMITS),
    ("v1_judgements", _JUDGEMENTS),
    ("v1_judged_shifts", _JUDGED_SHIFTS),
    ("v1_installation", _INSTALLATION),
)


def upgrade() -> None:
    """Make the tables everywhere, the views on PostgreSQL."""
    _tables()
    if op.get_bind().dialect.name != "postgresql":
        return
    op.execute("CREATE SCHEMA IF NOT EXISTS grafana")
    for name, query in _VIEWS:
        op.execute(f"CREATE VIEW grafana.{name} AS {query}")


def _tables() -> None:
    op.create_table(
        "limit_lines",
        sa.Column("zone", sa.String(length=65), nullable=False),
        sa.Column("pack", sa.String(length=64), nullable=False),
        sa.Column("rule", sa.String(length=64), nullable=False),
        sa.Column("site", sa.String(length=32), nullable=False),
        sa.Column("hazard", sa.String(length=16), nullable=False),
        sa.Column("kind", sa.String(length=64), nullable=False),
        sa.Column("value", sa.Double(), nullable=False),
        sa.Column("unit", sa.String(length=16), nullable=False),
        sa.Column("strict", sa.Boolean(), nullable=False),
        sa.Column("at_least", sa.Boolean(), nullable=False),
        sa.Column("label", sa.Text(), nullable=False),
        sa.Column("instrument", sa.Text(), nullable=False),
        sa.Column("clause", sa.Text(), nullable=False),
        sa.Column("confidence", sa.String(length=32), nullable=False),
        sa.Column("severity", sa.String(length=16), nullable=False),
        sa.Column("layer", sa.String(length=16), nullable=False),
        sa.Column("band_low", sa.Double()),
        sa.Column("band_high", sa.Double()),
        sa.Column("counted", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("zone", "pack", "rule", name="pk_limit_lines"),
    )
    op.create_index("ix_limit_lines_site", "limit_lines", ["site"], unique=False)
    op.create_table(
        "installation",
        sa.Column("name", sa.String(length=32), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_installation"),
    )
