"""Whether the series is being caught up with the ledger: then what seems to be missing may only be waiting.

After an upgrade, a restored backup or a long stop the projector has days to go through. Until it is through,
no channel may be called silent. A projector that makes no headway excuses nothing.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final

from ingest_service.clock import Clock
from ingest_service.ledger.port import Ledger
from ingest_service.projection import CURSOR
from ingest_service.series.port import SeriesReader

BEHIND_S: Final = 120.0
REAL_BEHIND_S: Final = 10.0
"""The same in real time, for clocks that run fast."""
NO_HEADWAY_S: Final = 600.0


class CatchingUp:
    """Looks at ledger and series; `monotonic` is real time."""

    def __init__(
        self,
        ledger: Ledger,
        series: SeriesReader,
        clock: Clock,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._ledger, self._series, self._clock, self._monotonic = ledger, series, clock, monotonic
        self._cursor = -1
        self._moved_at = monotonic()

    def since(self) -> float | None:
        """Up to which instant of arrival [s] the series has got, while it is being caught up; else None."""
        cursor = self._series.cursor(CURSOR)
        if cursor != self._cursor:
            self._cursor, self._moved_at = cursor, self._monotonic()
        rows = self._ledger.rows(cursor, 1)
        if not rows or self._monotonic() - self._moved_at > NO_HEADWAY_S:
            return None
        behind = self._clock.now() - rows[0].received_at
        return rows[0].received_at if behind > max(BEHIND_S, REAL_BEHIND_S * self._clock.rate) else None
