"""How long the rules judged a zone to be above a limit: counted minutes, never averages.

Single verdicts may be deleted after a while; the counts of shifts that are over stay.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import sqlalchemy as sa

from ingest_service.cases.schema import JUDGED_SHIFTS, JUDGEMENTS

LEAST_SHARE = 0.75
"""Of the minutes that should have been judged: with fewer known, "never above" is not said."""

_COUNT = (
    sa.select(JUDGEMENTS.c.verdict, sa.func.count())
    .where(
        JUDGEMENTS.c.zone == sa.bindparam("zone"),
        JUDGEMENTS.c.rule == sa.bindparam("rule"),
        JUDGEMENTS.c.minute > sa.bindparam("after"),
        JUDGEMENTS.c.minute <= sa.bindparam("to"),
    )
    .group_by(JUDGEMENTS.c.verdict)
)
# Stretches that lie wholly in the span: shifts, and what is left of days outside them.
# PostgreSQL adds integers up to a decimal number, which goes with no float.
_KEPT = sa.select(
    sa.cast(sa.func.coalesce(sa.func.sum(JUDGED_SHIFTS.c.above), 0), sa.BigInteger),
    sa.cast(sa.func.coalesce(sa.func.sum(JUDGED_SHIFTS.c.within), 0), sa.BigInteger),
).where(
    JUDGED_SHIFTS.c.zone == sa.bindparam("zone"),
    JUDGED_SHIFTS.c.rule == sa.bindparam("rule"),
    JUDGED_SHIFTS.c.start >= sa.bindparam("after"),
    JUDGED_SHIFTS.c.end <= sa.bindparam("to"),
)
_ANY = sa.select(
    sa.exists().where(JUDGEMENTS.c.zone == sa.bindparam("zone"), JUDGEMENTS.c.rule == sa.bindparam("rule"))
    | sa.exists().where(
        JUDGED_SHIFTS.c.zone == sa.bindparam("zone"), JUDGED_SHIFTS.c.rule == sa.bindparam("rule")
    )
)
_EXACT = sa.select(JUDGED_SHIFTS.c.above, JUDGED_SHIFTS.c.within).where(
    JUDGED_SHIFTS.c.zone == sa.bindparam("zone"),
    JUDGED_SHIFTS.c.rule == sa.bindparam("rule"),
    JUDGED_SHIFTS.c.start == sa.bindparam("after"),
    JUDGED_SHIFTS.c.end == sa.bindparam("to"),
)


class Minutes(NamedTuple):
    """Minutes of a span by verdict; `expected` are those that should have been judged."""

    above: int
    within: int
    expected: int

    @property
    def known(self) -> int:
        return self.above + self.within

    @property
    def coverage(self) -> float | None:
        """Share of the span about which something is known; None for an empty span."""
        return min(1.0, self.known / self.expected) if self.expected else None

    @property
    def told(self) -> bool:
        """Whether hours above can be told: some were, or enough is known to say that there were none."""
        return self.above > 0 or (self.known > 0 and self.known >= LEAST_SHARE * self.expected)

    @property
    def share(self) -> float | None:
        """Share of the known minutes that were above; None when nothing is known."""
        return self.above / self.known if self.known else None

    @property
    def hours(self) -> float:
        return self.above / 60.0

    def __add__(self, other: object) -> Minutes:
        if not isinstance(other, Minutes):
            return NotImplemented
        return Minutes(self.above + other.above, self.within + other.within, self.expected + other.expected)


NOTHING = Minutes(0, 0, 0)


class Counts:
    """Counted minutes, read through one connection.

    With `zones`, the shifts of these that were counted and begin at minute `since` or later are read at once,
    for whoever asks for very many of them.
    """

    def __init__(self, connection: sa.Connection, zones: Sequence[str] = (), since: int = 0) -> None:
        self._connection = connection
        self._zones = frozenset(zones)
        self._since = since
        self._judged: dict[tuple[str, str], bool] = {}
        query = sa.select(JUDGED_SHIFTS).where(
            JUDGED_SHIFTS.c.zone == sa.bindparam("zone"), JUDGED_SHIFTS.c.start >= since
        )
        self._exact = {
            (row.zone, row.rule, row.start, row.end): (row.above, row.within)
            for zone in zones
            for row in connection.execute(query, {"zone": zone})
        }

    def between(self, zone: str, rule: str, start: float, end: float) -> Minutes:
        """Count the judged minutes of a zone and a rule in [start, end], instants in s.

        A shift that was counted is one row; else the verdicts are counted, and where they were deleted the
        stretches that were counted before and lie in the span.
        """
        after, to = int(start // 60), int(end // 60)
        if to <= after:
            return NOTHING
        if zone in self._zones and not self._was_judged(zone, rule):
            return Minutes(0, 0, to - after)
        span = {"zone": zone, "rule": rule, "after": after, "to": to}
        exact = self._counted(zone, rule, after, to)
        if exact is not None:
            return Minutes(exact[0], exact[1], to - after)
        counts = {verdict: number for verdict, number in self._connection.execute(_COUNT, span)}  # noqa: C416 - rows
        if not counts:
            above, within = self._connection.execute(_KEPT, span).one()
            return Minutes(above, within, to - after)
        return Minutes(counts.get("above", 0), counts.get("within", 0), to - after)

    def _was_judged(self, zone: str, rule: str) -> bool:
        """Whether there is any verdict at all: of what is not measured there is none, however many shifts."""
        if (zone, rule) not in self._judged:
            found = self._connection.execute(_ANY, {"zone": zone, "rule": rule}).scalar()
            self._judged[zone, rule] = bool(found)
        return self._judged[zone, rule]

    def _counted(self, zone: str, rule: str, after: int, to: int) -> tuple[int, int] | None:
        if zone in self._zones and after >= self._since:
            return self._exact.get((zone, rule, after, to))
        found = self._connection.execute(
            _EXACT, {"zone": zone, "rule": rule, "after": after, "to": to}
        ).first()
        return None if found is None else (found[0], found[1])
