"""The tables of the cases, on the same metadata as the register. All instants are seconds since 1970 UTC.

A *case* is one hazard in one zone (or one silent part of a site) from opening to closure. Its history is
append-only: triggers on `case_events` and `signatures` see to it.
"""

from typing import Final

import sqlalchemy as sa

from ingest_service.database import METADATA

CASES: Final = sa.Table(
    "cases",
    METADATA,
    sa.Column("id", sa.Integer, primary_key=True, autoincrement=True),
    # One opening makes one case whatever is restarted or repeated in between.
    sa.Column("key", sa.String, nullable=False, unique=True),
    sa.Column("site", sa.String, nullable=False),
    sa.Column("zone", sa.String),
    # What is meant where it is not a zone: `gateway/sensor/quantity`, a gateway's id, or a site's id.
    sa.Column("subject", sa.String, nullable=False, server_default=""),
    sa.Column("hazard", sa.String, nullable=False),
    sa.Column("rule", sa.String, nullable=False),
    sa.Column("pack", sa.String, nullable=False),
    sa.Column("pack_version", sa.String, nullable=False),
    sa.Column("state", sa.String, nullable=False),
    sa.Column("severity", sa.String, nullable=False),
    sa.Column("opened_at", sa.Float, nullable=False),
    sa.Column("cleared_at", sa.Float),
    sa.Column("closed_at", sa.Float),
    # Frozen: the event that set the present severity, exactly as people were told of it.
    sa.Column("event", sa.JSON, nullable=False),
    sa.Index("ix_cases_state_site", "state", "site"),
    sa.Index("ix_cases_site_opened_at", "site", "opened_at"),
    sa.Index("ix_cases_zone_hazard", "zone", "hazard"),
)

CASE_EVENTS: Final = sa.Table(
    "case_events",
    METADATA,
    sa.Column("id", sa.Integer, primary_key=True, autoincrement=True),
    sa.Column("case_id", sa.Integer, sa.ForeignKey("cases.id"), nullable=False, index=True),
    sa.Column("at", sa.Float, nullable=False),
    sa.Column("kind", sa.String, nullable=False),
    # The person's name as it was; None where the system itself acted.
    sa.Column("who", sa.String),
    sa.Column("side", sa.String),
    sa.Column("text", sa.Text, nullable=False, server_default=""),
    sa.Column("data", sa.JSON, nullable=False),
)

SIGNATURES: Final = sa.Table(
    "signatures",
    METADATA,
    sa.Column("case_id", sa.Integer, sa.ForeignKey("cases.id"), primary_key=True),
    # The line of history that began the occasion: a case that gets worse or begins again is to be seen again.
    sa.Column("occasion", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("side", sa.String, primary_key=True),
    sa.Column("person", sa.String, nullable=False),
    sa.Column("name", sa.String, nullable=False),
    sa.Column("at", sa.Float, nullable=False),
)

ACTIONS: Final = sa.Table(
    "actions",
    METADATA,
    sa.Column("id", sa.Integer, primary_key=True, autoincrement=True),
    sa.Column("case_id", sa.Integer, sa.ForeignKey("cases.id"), nullable=False, index=True),
    sa.Column("text", sa.Text, nullable=False),
    sa.Column("person", sa.String, nullable=False),
    sa.Column("name", sa.String, nullable=False),
    sa.Column("side", sa.String),
    sa.Column("due_at", sa.Float),
    sa.Column("done_at", sa.Float),
    sa.Column("at", sa.Float, nullable=False),
)

NOTICES: Final = sa.Table(
    "notices",
    METADATA,
    sa.Column("id", sa.Integer, primary_key=True, autoincrement=True),
    sa.Column("key", sa.String, nullable=False, unique=True),
    # None: of no case, such as the day's line.
    sa.Column("case_id", sa.Integer, sa.ForeignKey("cases.id"), index=True),
    sa.Column("kind", sa.String, nullable=False),
    sa.Column("person", sa.String, nullable=False),
    sa.Column("name", sa.String, nullable=False),
    sa.Column("side", sa.String),
    # None: the person has no contact; the notice stands on the page all the same.
    sa.Column("contact_id", sa.String),
    # How the contact shows, without its secret: `e-mail`, `webhook`.
    sa.Column("contact_kind", sa.String, nullable=False, server_default=""),
    sa.Column("language", sa.String, nullable=False),
    sa.Column("subject", sa.Text, nullable=False),
    sa.Column("body", sa.Text, nullable=False),
    sa.Column("reason", sa.Text, nullable=False, server_default=""),
    sa.Column("created_at", sa.Float, nullable=False),
    sa.Column("due_at", sa.Float, nullable=False),
    sa.Column("state", sa.String, nullable=False),
    sa.Column("tries", sa.Integer, nullable=False, server_default="0"),
    sa.Index("ix_notices_state_due_at", "state", "due_at"),
)

ATTEMPTS: Final = sa.Table(
    "attempts",
    METADATA,
    sa.Column("id", sa.Integer, primary_key=True, autoincrement=True),
    sa.Column("notice_id", sa.Integer, sa.ForeignKey("notices.id"), nullable=False, index=True),
    sa.Column("started_at", sa.Float, nullable=False),
    sa.Column("finished_at", sa.Float),
    sa.Column("outcome", sa.String, nullable=False),
    sa.Column("detail", sa.Text, nullable=False, server_default=""),
    # Which of several processes makes it; None where there is only one.
    sa.Column("holder", sa.String),
    sa.Index("ix_attempts_outcome", "outcome"),
)

# One row a zone for all its rules (`exposures`), one a site for each watch (`silence`, `device`).
RULE_STATES: Final = sa.Table(
    "rule_states",
    METADATA,
    sa.Column("zone", sa.String, primary_key=True),
    sa.Column("rule", sa.String, primary_key=True),
    sa.Column("state", sa.JSON, nullable=False),
    sa.Column("judged_to", sa.Integer, nullable=False),
    # That of the site: each of several processes reads its own.
    sa.Column("shard", sa.SmallInteger, nullable=False, server_default="0"),
    sa.Index("ix_rule_states_shard", "shard"),
)

JUDGEMENTS: Final = sa.Table(
    "judgements",
    METADATA,
    sa.Column("zone", sa.String, primary_key=True),
    sa.Column("rule", sa.String, primary_key=True),
    sa.Column("minute", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("verdict", sa.String, nullable=False),
    sqlite_with_rowid=False,
)

# Verdicts of a shift, or of what is left of a local day outside shifts, counted once it is over and kept for
# good. Minutes are `start` < m <= `end`.
JUDGED_SHIFTS: Final = sa.Table(
    "judged_shifts",
    METADATA,
    sa.Column("zone", sa.String, primary_key=True),
    sa.Column("rule", sa.String, primary_key=True),
    sa.Column("start", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("end", sa.Integer, nullable=False),
    sa.Column("above", sa.Integer, nullable=False),
    sa.Column("within", sa.Integer, nullable=False),
    sa.Column("cannot_tell", sa.Integer, nullable=False),
    sqlite_with_rowid=False,
)

RUNNER_CURSORS: Final = sa.Table(
    "runner_cursors",
    METADATA,
    sa.Column("name", sa.String, primary_key=True),
    sa.Column("value", sa.BigInteger, nullable=False),
)

APPEND_ONLY: Final = (CASE_EVENTS.name, SIGNATURES.name)
