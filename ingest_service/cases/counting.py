"""Counts the verdicts of shifts that are over, so that hours above a limit outlive single verdicts."""

import heapq
from collections.abc import Callable, Sequence
from typing import Any, Final

import sqlalchemy as sa

from ingest_service.cases.rulebook import Rulebook
from ingest_service.cases.schema import CASES, JUDGED_SHIFTS, JUDGEMENTS, RUNNER_CURSORS
from ingest_service.cases.writing import upsert
from ingest_service.register.entries import Site
from ingest_service.register.snapshot import RegisterSnapshot

COUNTED_AFTER_S: Final = 1800.0
"""A stretch is counted this long after its end; what comes in later counts it again."""
DAY_MINUTES: Final = 1440
LONGEST_PIECE: Final = 2 * DAY_MINUTES
MOST_SITES: Final = 20
"""Sites counted in one look, so that no look takes long when many shifts end at once."""
_COUNTED, _KEPT = "counted:", "kept-from:"
_VERDICTS: Final = ("above", "within", "cannot_tell")
_OLDEST: Final = sa.select(sa.func.min(JUDGEMENTS.c.minute)).where(
    JUDGEMENTS.c.zone == sa.bindparam("zone"), JUDGEMENTS.c.rule == sa.bindparam("rule")
)

RulesOf = Callable[[str], Sequence[str]]
"""The rules that ever judged a zone."""


def countable(end: int, now: float) -> bool:
    """Whether a stretch that ended in a minute is over for good."""
    return now - 60.0 * end >= COUNTED_AFTER_S


class Counter:
    """Counts the stretches of every site once they are over, and forgets verdicts that need not be kept.

    `keep_days`: how long single verdicts stay; None: for ever. Knows when which site is due, so that a look
    costs nothing in between.
    """

    def __init__(self, connection: sa.Connection, keep_days: float | None) -> None:
        self._keep_days = keep_days
        query = sa.select(RUNNER_CURSORS).where(RUNNER_CURSORS.c.name.like(f"{_COUNTED}%"))
        self._counted: dict[str, int] = {
            row.name.removeprefix(_COUNTED): row.value for row in connection.execute(query)
        }
        self._due: list[tuple[float, str]] = []
        self._version = -1

    def due(self, register: RegisterSnapshot, now: float) -> list[str]:
        """The sites of which something is to be counted now."""
        if register.version != self._version:
            self._version = register.version
            self._due = [(float("-inf"), site.id) for site in register.sites]
        found: list[str] = []
        while self._due and self._due[0][0] <= now and len(found) < MOST_SITES:
            found.append(heapq.heappop(self._due)[1])
        return found

    def count(
        self, connection: sa.Connection, register: RegisterSnapshot, book: Rulebook, rules_of: RulesOf,
        site_id: str, now: float,
    ) -> None:  # fmt: skip
        """Count the next stretch of a site, if it is over."""
        site = register.site(site_id)
        if site is None:
            return
        zones = [zone.id for zone in register.zones_of(site_id)]
        counted = self._counted.get(site_id)
        if counted is None:
            counted = _first_verdict(connection, zones, rules_of, int(now // 60))
        piece = book.piece(site, counted + 1)
        if countable(piece.end, now):
            for zone in zones:
                count_piece(connection, site_id, zone, rules_of(zone), piece.start, piece.end)
            counted = piece.end
            self._forget(connection, site, zones, rules_of, counted, now)
            piece = book.piece(site, counted + 1)
        upsert(connection, RUNNER_CURSORS, [{"name": _COUNTED + site_id, "value": counted}])
        self._counted[site_id] = counted
        heapq.heappush(self._due, (60.0 * piece.end + COUNTED_AFTER_S, site_id))

    def _forget(
        self, connection: sa.Connection, site: Site, zones: Sequence[str], rules_of: RulesOf, counted: int,
        now: float,
    ) -> None:  # fmt: skip
        if self._keep_days is None:
            return
        before = min(counted, int((now - 86400.0 * self._keep_days) // 60))
        gone = sum(forget(connection, zone, rules_of(zone), before) for zone in zones)
        if gone:
            upsert(connection, RUNNER_CURSORS, [{"name": _KEPT + site.id, "value": before}])


def count_piece(
    connection: sa.Connection, site: str, zone: str, rules: Sequence[str], start: int, end: int
) -> None:
    """Count the verdicts of a zone's rules in `start` < minute <= `end`, and keep the numbers.

    They take the place of all that was counted for any of these minutes: a shift may have been made longer
    since. Where verdicts were deleted, the numbers that were kept stay as they are.
    """
    if not rules or start < kept_from(connection, site):
        return
    query = (
        sa.select(JUDGEMENTS.c.rule, JUDGEMENTS.c.verdict, sa.func.count().label("number"))
        .where(
            JUDGEMENTS.c.zone == zone,
            JUDGEMENTS.c.rule.in_(rules),
            JUDGEMENTS.c.minute > start,
            JUDGEMENTS.c.minute <= end,
        )
        .group_by(JUDGEMENTS.c.rule, JUDGEMENTS.c.verdict)
    )
    overlapping = sa.delete(JUDGED_SHIFTS).where(
        JUDGED_SHIFTS.c.zone == zone,
        JUDGED_SHIFTS.c.rule.in_(rules),
        JUDGED_SHIFTS.c.start > start - LONGEST_PIECE,
        JUDGED_SHIFTS.c.start < end,
        JUDGED_SHIFTS.c.end > start,
    )
    connection.execute(overlapping)
    counts: dict[str, dict[str, int]] = {}
    for rule, verdict, number in connection.execute(query):
        counts.setdefault(rule, dict.fromkeys(_VERDICTS, 0))[verdict] = number
    rows: list[dict[str, Any]] = [
        {"zone": zone, "rule": rule, "start": start, "end": end, **numbers}
        for rule, numbers in counts.items()
    ]
    upsert(connection, JUDGED_SHIFTS, rows)


def forget(connection: sa.Connection, zone: str, rules: Sequence[str], before: int) -> int:
    """Delete a zone's verdicts up to a minute, never those of a case that is not closed; how many."""
    query = sa.select(sa.func.min(CASES.c.opened_at)).where(
        CASES.c.zone == zone, CASES.c.state.in_(("open", "cleared"))
    )
    opened = connection.execute(query).scalar()
    if opened is not None:
        before = min(before, int(opened // 60) - DAY_MINUTES)
    gone = 0
    for rule in rules:
        deletion = sa.delete(JUDGEMENTS).where(
            JUDGEMENTS.c.zone == zone, JUDGEMENTS.c.rule == rule, JUDGEMENTS.c.minute <= before
        )
        gone += connection.execute(deletion).rowcount
    return gone


def kept_from(connection: sa.Connection, site: str) -> int:
    """The minute up to which verdicts of a site may have been deleted; 0 where none were."""
    query = sa.select(RUNNER_CURSORS.c.value).where(RUNNER_CURSORS.c.name == _KEPT + site)
    return int(connection.execute(query).scalar() or 0)


def oldest_verdict(connection: sa.Connection, zone: str, rule: str) -> int | None:
    """The minute of the oldest verdict that is kept; None for none."""
    found: int | None = connection.execute(_OLDEST, {"zone": zone, "rule": rule}).scalar()
    return found


def _first_verdict(connection: sa.Connection, zones: Sequence[str], rules_of: RulesOf, now: int) -> int:
    """The minute before the oldest verdict of a site; the present one where there is none."""
    oldest = now
    for zone in zones:
        for rule in rules_of(zone):
            oldest = min(oldest, oldest_verdict(connection, zone, rule) or now)
    return oldest - 1
