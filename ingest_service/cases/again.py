"""Which stored exposures are to be judged again because the register says something else of the past.

A corrected class of work, acclimatisation, source of radiant heat, shift or day off changes what the rules
say of an exposure, also where the exposure stays the same. What is due is stored with the description that
was judged by, so it survives a restart, and is worked off in portions. Nobody is called for the past.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Final, NamedTuple

import sqlalchemy as sa

from ingest_service.cases.counting import count_piece, countable, oldest_verdict
from ingest_service.cases.rulebook import Rulebook
from ingest_service.cases.schema import JUDGEMENTS
from ingest_service.register.entries import Zone
from ingest_service.register.snapshot import RegisterSnapshot
from ingest_service.rollup.register_changes import (
    Description,
    describe_calendar,
    differing,
    joined,
    read,
    say,
    written,
)
from ingest_service.rollup.sources import valid_minutes

RULE: Final = "facts"
"""The name of a zone's row in the table of rule states."""
PORTION: Final = 1440
"""Minutes judged again at once, and what is left of the shift or day of the last of them."""

Oldest = Callable[[str], int | None]
"""The minute of a zone's oldest verdict."""


class Portion(NamedTuple):
    """Minutes of a zone to be judged again, first and last."""

    zone: str
    first: int
    last: int


def describe(zone: Zone, register: RegisterSnapshot) -> Description:
    """The statements about a zone that decide which rules judge it, with the minutes for which they hold."""
    found: Description = {}
    history = register.zone_history(zone.id)
    for place, (since, facts) in enumerate(history):
        until = history[place + 1][0] if place + 1 < len(history) else None
        what = f"people {facts.metabolic_class} {facts.acclimatised} {facts.radiant_source}"
        say(found, what, valid_minutes(since if place else 0.0, until))
    describe_calendar(found, register.calendar(zone.site))
    return {statement: sorted(spans) for statement, spans in sorted(found.items())}


class Again:
    """What is due of every zone. `stored`: the states of `rows` by zone."""

    def __init__(self, stored: Mapping[str, Any]) -> None:
        self._known: dict[str, str] = {zone: state["text"] for zone, state in stored.items()}
        self._due: dict[str, list[tuple[int, int]]] = {
            zone: [(first, last) for first, last in state["due"]]
            for zone, state in stored.items()
            if state["due"]
        }
        self._version = -1

    def follow(self, register: RegisterSnapshot, oldest: Oldest, now: float) -> list[dict[str, Any]]:
        """Take up a register; the rows of the states that changed by it."""
        if register.version == self._version:
            return []
        self._version = register.version
        changed: list[str] = []
        for zone in register.zones:
            text = written(describe(zone, register))
            before = self._known.get(zone.id)
            if before == text:
                continue
            self._known[zone.id] = text
            changed.append(zone.id)
            begun = oldest(zone.id) if before is not None else None
            if before is None or begun is None:
                continue
            spans = [span for some in differing(read(before), read(text)).values() for span in some]
            past = [(max(first, begun), min(last, int(now // 60))) for first, last in spans]
            due = joined([*self._due.get(zone.id, ()), *(span for span in past if span[0] <= span[1])])
            if due:
                self._due[zone.id] = due
        return [self.row(zone) for zone in changed]

    def next(self, book: Rulebook, register: RegisterSnapshot) -> Portion | None:
        """What is to be judged again next; zones that are not registered any more are left out."""
        for zone_id in list(self._due):
            zone = register.zone(zone_id)
            site = register.site(zone.site) if zone else None
            if site is None:
                del self._due[zone_id]
                continue
            first, last = self._due[zone_id][0]
            return Portion(zone_id, first, min(last, book.piece(site, first + PORTION - 1).end))
        return None

    def done(self, portion: Portion) -> None:
        """A portion was judged again."""
        (_, last), *rest = self._due.pop(portion.zone)
        left = [(portion.last + 1, last)] if portion.last < last else []
        if left or rest:
            self._due[portion.zone] = [*left, *rest]

    def row(self, zone: str) -> dict[str, Any]:
        """A row for the table of rule states."""
        state = {"text": self._known[zone], "due": [list(span) for span in self._due.get(zone, ())]}
        return {"zone": zone, "rule": RULE, "state": state, "judged_to": 0}


def forget(connection: sa.Connection, portion: Portion, rules: Sequence[str]) -> None:
    """Take away the verdicts of a portion before it is judged again: a rule may not hold there any more."""
    connection.execute(
        sa.delete(JUDGEMENTS).where(
            JUDGEMENTS.c.zone == portion.zone,
            JUDGEMENTS.c.rule.in_(rules),
            JUDGEMENTS.c.minute.between(portion.first, portion.last),
        )
    )


def recount(
    connection: sa.Connection, portion: Portion, rules: Sequence[str], book: Rulebook, now: float
) -> None:
    """Count the shifts of a portion that are over, as the calendar has them now."""
    zone = book.zone(portion.zone, portion.last)
    site = book.site(zone.site) if zone else None
    minute = portion.first
    while site is not None and minute <= portion.last:
        piece = book.piece(site, minute)
        if countable(piece.end, now):
            count_piece(connection, site.id, portion.zone, rules, piece.start, piece.end)
        minute = max(piece.end, minute) + 1


def oldest_of(engine: sa.Engine, rules_of: Callable[[str], Sequence[str]]) -> Oldest:
    """The oldest verdict of a zone, as it is stored."""

    def ask(zone: str) -> int | None:
        with engine.connect() as connection:
            found: Iterator[int | None] = (oldest_verdict(connection, zone, one) for one in rules_of(zone))
            return min((minute for minute in found if minute is not None), default=None)

    return ask
