"""How long single readings, minute values and minute exposures stay in the series.

Hours, quarters, days of channels and summaries of exposures stay for ever, and the ledger keeps every
reading. Nothing is deleted that was not rolled up, nor what belongs to a case that is not closed: its zone is
kept whole from eight days before it opened. It is done in small portions between the projector's steps.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.engine import Engine

from ingest_service.cases.schema import CASES
from ingest_service.cases.store import RUNNING
from ingest_service.register.snapshot import RegisterSnapshot
from ingest_service.rollup.zone_roll import CURSOR
from ingest_service.series.port import Kept, SeriesStore
from ingest_service.settings import Settings

DAY = 1440
LEAST_DAYS = 3.0
"""Days that are kept whatever the settings say: windows of late data look back so far."""
CASE_LEAD_DAYS = 8.0
_WIDTH = 360
_MARGIN = 2 * DAY

_NEVER = 2**62
Protected = Callable[[RegisterSnapshot], Mapping[str, float]]
"""Of a register: zone -> when the oldest of its cases that are not closed was opened [s]."""


@dataclass(frozen=True, slots=True)
class Keep:
    """Days that something is kept; None is for ever."""

    readings: float | None = None
    minutes: float | None = None
    exposures: float | None = None

    @classmethod
    def of(cls, settings: Settings) -> Keep:
        """As the settings say."""
        return cls(settings.keep_readings_days, settings.keep_minutes_days, settings.keep_exposures_days)

    @property
    def everything(self) -> bool:
        """Whether nothing is ever deleted."""
        return self.readings is None and self.minutes is None and self.exposures is None


class Retention:
    """Deletes what need not be kept; all it must know is in the store, so it may be killed anywhere."""

    def __init__(
        self,
        series: SeriesStore,
        register: Callable[[], RegisterSnapshot],
        protected: Protected,
        keep: Keep,
        *,
        budget_s: float = 0.05,
        round_every_s: float = 600.0,
    ) -> None:
        """`budget_s`: real time of one step; one portion at least is done. `round_every_s`: real time
        from the end of one round through all channels and zones to the next."""
        self._series = series
        self._register = register
        self._protected = protected
        self._keep = keep
        self._budget_s = budget_s
        self._round_every_s = round_every_s
        self._work: Iterator[int] | None = None
        self._next_round = 0.0
        self._done: Mapping[str, int] = {}
        self._begun: Mapping[str, int] = {}
        self._unfinished = _NEVER

    def step(self, now: float) -> int:
        """Delete a portion of what is too old at `now` [s]; returns how many rows.

        To be called only while everything that arrived is projected and rolled up.
        """
        if self._keep.everything or self._series.take_dirty(1) or self._series.recomputations():
            return 0
        begun = time.monotonic()
        if self._work is None:
            if begun < self._next_round:
                return 0
            self._work = self._round(now)
        self._look()
        deleted = 0
        for portion in self._work:
            deleted += portion
            if time.monotonic() >= begun + self._budget_s:
                return deleted
        self._work = None
        self._next_round = time.monotonic() + self._round_every_s
        return deleted

    def _round(self, now: float) -> Iterator[int]:
        """One portion after the other, through all channels and zones."""
        register = self._register()
        self._done = {zone.id: self._series.cursor(CURSOR + zone.id) for zone in register.zones}
        per_channel: tuple[tuple[Kept, float | None], ...] = (
            ("readings", self._keep.readings),
            ("minutes", self._keep.minutes),
        )
        for entry in self._series.channels():
            zones = {one.zone for one in register.placements_of(entry.gateway, entry.sensor)}
            for what, days in per_channel:
                yield 0
                while deleted := self._thin_channel(what, entry.id, _before(days, now), zones):
                    yield deleted
        before = _before(self._keep.exposures, now)
        for zone in register.zones:
            yield 0
            while deleted := self._thin_zone(zone.id, before):
                yield deleted

    def _thin_channel(self, what: Kept, channel: int, before: int, zones: set[str]) -> int:
        upto = min(before, self._unfinished, *map(self._last_of, zones))
        return self._series.thin_channel(what, channel, upto, _WIDTH) if upto > 0 else 0

    def _thin_zone(self, zone: str, before: int) -> int:
        upto = min(before, self._last_of(zone))
        return self._series.thin_zone(zone, upto, _WIDTH) if upto > 0 else 0

    def _look(self) -> None:
        """See what must stay: a case may open, and late data come, while a round is under way."""
        self._begun = {
            zone: math.floor(opened / 60.0) - int(CASE_LEAD_DAYS * DAY)
            for zone, opened in self._protected(self._register()).items()
        }
        unfinished = self._series.unfinished(_NEVER, 1)
        self._unfinished = unfinished[0].first - 1 if unfinished else _NEVER

    def _last_of(self, zone: str) -> int:
        """The last minute of a zone that may go."""
        return min(self._done.get(zone, _NEVER) - _MARGIN, self._begun.get(zone, _NEVER))


def protected_zones(engine: Engine) -> Protected:
    """The zones of cases that are not closed; a case of a whole site protects all its zones."""

    def read(register: RegisterSnapshot) -> dict[str, float]:
        found: dict[str, float] = {}
        query = sa.select(CASES.c.site, CASES.c.zone, CASES.c.opened_at).where(CASES.c.state.in_(RUNNING))
        with engine.connect() as connection:
            for site, zone, opened in connection.execute(query):
                for name in [zone] if zone else [one.id for one in register.zones_of(site)]:
                    found[name] = min(opened, found.get(name, opened))
        return found

    return read


def _before(days: float | None, now: float) -> int:
    """The last minute that is old enough to go, 0 when nothing is."""
    if days is None:
        return 0
    return max(0, math.floor((now - max(days, LEAST_DAYS) * 86_400.0) / 60.0))
