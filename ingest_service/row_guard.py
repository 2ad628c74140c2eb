"""Keeps one ledger row that nobody foresaw from stopping the projection of all others.

What a row does to the projector is taken for a passing trouble first: the process ends and is started again.
Only a row that failed alone three times, each time in a fresh process, is set aside. See `trials` for how
that is remembered when the process dies without a word, and `set_aside` for how it is seen and replayed.
"""

from __future__ import annotations

import traceback
from collections.abc import Callable, Sequence

import structlog

from ingest_service.leases import LeaseLostError
from ingest_service.ledger.port import Ledger, LedgerError, LedgerRow
from ingest_service.series.port import SeriesError
from ingest_service.set_aside import SetAside
from ingest_service.trials import Trials

PASSING = (LedgerError, SeriesError, LeaseLostError)
DIED = (
    "the projector ended three times while it read this row alone, without a word: killed from outside, or "
    "out of memory"
)
log = structlog.get_logger(__name__)


class RowGuard:
    """Without `aside` nothing is set aside, and a row that cannot be projected ends the process."""

    def __init__(self, trials: Trials | None = None, aside: SetAside | None = None) -> None:
        self._trials = Trials() if trials is None else trials
        self._aside = aside

    def passes_over(self, row: LedgerRow) -> bool:
        """Whether the row is set aside."""
        return self._aside is not None and row.row in self._aside

    def unreadable(self, row: LedgerRow, reason: str) -> None:
        """This program does not understand a row that was understood when it came."""
        log.warning("a ledger row cannot be read any more", row=row.row, reason=reason)
        if self._aside is not None:
            self._aside.put(row, reason)

    def run(self, rows: Sequence[LedgerRow], project: Callable[[list[LedgerRow]], None]) -> None:
        """Have the rows projected in order, by portions; ``project`` leaves out what `passes_over`."""
        for portion in self._trials.groups(rows, _name):
            self._try(portion, project)

    def _try(self, rows: list[LedgerRow], project: Callable[[list[LedgerRow]], None]) -> None:
        names = [_name(row) for row in rows]
        if self._trials.spent(names[0]):
            self._give_up(rows[0], DIED)
        self._trials.begin(names)
        try:
            project(rows)
        except PASSING:
            self._trials.wait()
            raise
        except Exception:
            self._trials.failed(names)
            if self._aside is None or not self._trials.spent(names[0]):
                raise  # the process ends; the next one tries again
            self._give_up(rows[0], traceback.format_exc())
            project(rows)
        self._trials.passed(names)

    def _give_up(self, row: LedgerRow, why: str) -> None:
        if self._aside is not None and row.row not in self._aside:
            self._aside.put(row, why)

    def retry(self, ledger: Ledger, project: Callable[[LedgerRow], None]) -> int:
        """Try what a person ordered; how many rows that was. One that fails stays aside, with the reason."""
        aside = self._aside
        if aside is None:
            return 0
        orders = aside.ordered()
        for order in orders:
            name = str(order.row)
            row = ledger.row(order.row)
            if row is None or self._trials.spent(name):
                aside.refused(order, DIED)
                self._trials.passed([name])
                continue
            self._trials.begin([name])
            try:
                project(row)
            except PASSING:
                self._trials.wait()
                raise
            except Exception:  # a person asked for this row alone: the others need no fresh process
                log.exception("a row that was set aside fails again", row=order.row)
                aside.refused(order, traceback.format_exc())
            else:
                aside.taken_in(order)
            self._trials.passed([name])
        return len(orders)


def _name(row: LedgerRow) -> str:
    return str(row.row)
