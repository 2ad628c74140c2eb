"""Keeping the overview of very many factories: one factory after another is counted, all the time.

First those of which a case changed, then those that were counted longest ago. It takes a share of one core
only, so that it never stands in the way of judging; it is a thread of the alerts runner.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import closing
from typing import Final, NamedTuple

import sqlalchemy as sa

from alert_rules.pack_model import Pack
from ingest_service import overview_lines
from ingest_service.cases.schema import CASE_EVENTS, CASES
from ingest_service.catching_up import CatchingUp
from ingest_service.clock import clock_from
from ingest_service.database import write
from ingest_service.ledger.port import Ledger
from ingest_service.passing import Complaint
from ingest_service.queries.limits_in_force import LimitsInForce
from ingest_service.queries.overview import LIVE_SITES
from ingest_service.queries.panels import HAZARDS
from ingest_service.queries.site_count import count
from ingest_service.queries.standings import Standings
from ingest_service.queries.view import View
from ingest_service.register.entries import Site
from ingest_service.register.store import Register
from ingest_service.settings import Settings
from ingest_service.shard_work import one_of_many
from ingest_service.stores import open_series_of

SHARE: Final = 0.25
"""Of one core, while every factory has a line."""
FIRST_SHARE: Final = 0.5
"""The same while some have none."""
IDLE_S: Final = 2.0

_log = logging.getLogger(__name__)


def keep_overview(
    settings: Settings,
    engine: sa.Engine,
    register: Register,
    ledger: Ledger,
    packs: Sequence[Pack],
    stop: threading.Event,
) -> None:
    """Keep the overview until told to stop, in one of several processes; a thread's body."""
    clock, limits = clock_from(settings), LimitsInForce(packs)
    with (
        one_of_many(engine, "overview", stop) as turn,
        closing(open_series_of(settings, read_only=True)) as series,
    ):
        catching_up = CatchingUp(ledger, series, clock)

        def view() -> View:
            return View(
                now=clock.now(),
                rate=clock.rate,
                person=None,
                register=register.snapshot(),
                engine=engine,
                series=series,
                ledger=ledger,
                limits=limits,
                data_dir=settings.data_dir,
                caught_up_to=catching_up.since(),
            )

        OverviewKeeper(engine, view).run(turn)


class Step(NamedTuple):
    """The factory that was counted, and whether it had no line before."""

    site: str
    new: bool


class OverviewKeeper:
    """`view` gives what is read at this moment, with the sites that are this process's to keep."""

    def __init__(self, engine: sa.Engine, view: Callable[[], View]) -> None:
        self._engine, self._view = engine, view
        self._queue: deque[str] = deque()
        self._urgent: dict[str, None] = {}
        self._counted: dict[str, float] | None = None
        self._event = 0

    def run(self, turn: threading.Event) -> None:
        """Keep while it is this one's turn, until told to stop."""
        pause, complaint = IDLE_S, Complaint(_log, "counting for the overview")
        while not turn.wait(pause):
            begun = time.monotonic()
            try:
                found = self.step()
                complaint.over()
            except Exception as error:  # noqa: BLE001 - outermost loop of the thread: nothing must end it
                complaint.about(error)
                found = None
            took = time.monotonic() - begun
            # A factory that has no line yet does not wait for long.
            share = FIRST_SHARE if found is not None and found.new else SHARE
            pause = IDLE_S if found is None else took / share - took

    def step(self) -> Step | None:
        """Count the factory that is due; None when there is none to count, or so few that nobody needs it."""
        view = self._view()
        sites = {site.id: site for site in view.register.sites}
        if len(sites) <= LIVE_SITES:
            return None
        counted = self._known()
        self._follow_cases()
        site = sites[self._next(sites, counted)]
        self._count(view, site)
        new = site.id not in counted
        counted[site.id] = view.now
        return Step(site.id, new)

    def _known(self) -> dict[str, float]:
        if self._counted is None:
            with self._engine.connect() as connection:
                self._counted = overview_lines.counted_at(connection)
                self._event = connection.execute(sa.select(sa.func.max(CASE_EVENTS.c.id))).scalar() or 0
        return self._counted

    def _follow_cases(self) -> None:
        """What happened to a case since the last look puts its factory first."""
        query = (
            sa.select(CASE_EVENTS.c.id, CASES.c.site)
            .join(CASES, CASES.c.id == CASE_EVENTS.c.case_id)
            .where(CASE_EVENTS.c.id > self._event)
            .order_by(CASE_EVENTS.c.id)
        )
        with self._engine.connect() as connection:
            for event, site in connection.execute(query):
                self._event = event
                self._urgent[site] = None

    def _next(self, sites: dict[str, Site], counted: dict[str, float]) -> str:
        for site in list(self._urgent):
            del self._urgent[site]
            if site in sites:
                return site
        while self._queue:
            site = self._queue.popleft()
            if site in sites:
                return site
        self._queue.extend(sorted(sites, key=lambda one: counted.get(one, float("-inf"))))
        return self._queue.popleft()

    def _count(self, view: View, site: Site) -> None:
        standings = Standings(view, [site])
        counts = [(hazard, count(view, site, hazard, standings)) for hazard in HAZARDS]
        with write(self._engine) as connection:
            for hazard, counted in counts:
                overview_lines.keep(connection, site.id, hazard, counted)
