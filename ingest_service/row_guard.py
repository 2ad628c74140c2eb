"""Keeps one ledger row that nobody foresaw from stopping the projection of all others.

What a row does to the projector is taken for a passing trouble first: the work is begun anew, with all that
it remembers read again. Only a row that failed alone three times, apart from each other, is set aside. See
`trials` for how that is remembered when the process dies without a word, `passing` for what is never the
row's fault, and `set_aside` for how it is seen and replayed.
"""

from __future__ import annotations

import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

import structlog

from ingest_service.ledger.port import Ledger, LedgerRow
from ingest_service.passing import is_passing
from ingest_service.set_aside import Order, SetAside
from ingest_service.trials import Trials
from osh_domain.wire_error import WireError

DIED = (
    "the projector ended three times while it read this row alone, without a word: killed from outside, or "
    "out of memory"
)
log = structlog.get_logger(__name__)


class UnreadableError(Exception):
    """This program does not understand a row that was understood when it came."""

    def __init__(self, row: LedgerRow, reason: str) -> None:
        super().__init__(row.row, reason)
        self.row, self.reason = row, reason


@contextmanager
def reading_of(row: LedgerRow) -> Iterator[None]:
    """What the wire's error inside is said of; of rows that need each other, the innermost."""
    try:
        yield
    except WireError as error:
        raise UnreadableError(row, str(error)) from error


class RowGuard:
    """Without `aside` nothing is set aside, and a row that cannot be projected ends the process."""

    def __init__(self, trials: Trials | None = None, aside: SetAside | None = None) -> None:
        self._trials = Trials() if trials is None else trials
        self._aside = aside
        self._why: dict[str, str] = {}
        self._unread: set[int] = set()

    def passes_over(self, row: LedgerRow) -> bool:
        """Whether the row is set aside."""
        return row.row in self._unread or (self._aside is not None and row.row in self._aside)

    def unreadable(self, row: LedgerRow, reason: str) -> None:
        """Pass over the row from now on; see `UnreadableError`."""
        log.warning("a ledger row cannot be read any more", row=row.row, reason=reason)
        if self._aside is None:
            self._unread.add(row.row)
        else:
            self._aside.put(row, reason)

    def run(self, rows: Sequence[LedgerRow], project: Callable[[list[LedgerRow]], None]) -> None:
        """Have the rows projected in order, by portions; ``project`` leaves out what `passes_over`."""
        for portion in self._trials.groups(rows, _name):
            self._try(portion, project)

    def _try(self, rows: list[LedgerRow], project: Callable[[list[LedgerRow]], None]) -> None:
        names = [_name(row) for row in rows]
        if self._trials.spent(names[0]):
            self._give_up(rows[0])
        self._trials.begin(names)
        try:
            project(rows)
        except Exception as error:
            if is_passing(error):
                self._trials.wait()
                raise
            self._trials.failed(names)
            if self._aside is None or not self._trials.spent(names[0]):
                raise  # the work is begun anew and tries again
            self._why[names[0]] = traceback.format_exc()
            self._give_up(rows[0])
            project(rows)
        self._trials.passed(names)

    def _give_up(self, row: LedgerRow) -> None:
        if self._aside is not None and row.row not in self._aside:
            self._aside.put(row, self._why.get(_name(row), DIED))
        self._why.pop(_name(row), None)

    def retry(self, ledger: Ledger, project: Callable[[LedgerRow], None]) -> int:
        """Try what a person ordered; how many rows that was. One that fails stays aside, with the reason."""
        aside = self._aside
        if aside is None:
            return 0
        orders = aside.ordered()
        for order in orders:
            row = ledger.row(order.row)
            if row is None:
                aside.refused(order, "the ledger has no such row")
            else:
                self._retry(row, order, aside, project)
        return len(orders)

    def _retry(
        self, row: LedgerRow, order: Order, aside: SetAside, project: Callable[[LedgerRow], None]
    ) -> None:
        name, why = _name(row), DIED
        if not self._trials.spent(name):
            self._trials.begin([name])
            try:
                project(row)
                why = ""
            except Exception as error:  # a person asked for this row alone: the others need no fresh start
                if is_passing(error):
                    raise
                log.exception("a row that was set aside fails again", row=order.row)
                why = traceback.format_exc()
            finally:
                self._trials.wait()
        if why:
            aside.refused(order, why)
        else:
            aside.taken_in(order)
        self._trials.passed([name])


def _name(row: LedgerRow) -> str:
    """With the batch: an older ledger that was restored gives the number to another row."""
    return f"{row.row} {row.batch_hash}"
