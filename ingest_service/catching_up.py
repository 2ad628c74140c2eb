"""Whether the series is being caught up with the ledger: then what seems to be missing may only be waiting.

After an upgrade, a restored backup or a long stop the projector has days to go through. Until it is through,
no channel may be called silent. A projector that makes no headway excuses nothing.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Final, NamedTuple

from ingest_service.clock import Clock
from ingest_service.ledger.port import Ledger
from ingest_service.projection import CURSOR
from ingest_service.series.port import SeriesReader

BEHIND_S: Final = 120.0
REAL_BEHIND_S: Final = 10.0
"""The same in real time, for clocks that run fast."""
NO_HEADWAY_S: Final = 600.0
LOOK_S: Final = 1.0
"""Several shards are asked this often at most."""


class Behind(NamedTuple):
    """Up to which instant of arrival [s] the series has got: where it is being caught up, and where nothing
    moves although rows wait. None: it is not so."""

    catching_up: float | None
    standing_still: float | None


class CatchingUp:
    """Looks at ledger and series; `monotonic` is real time.

    `shards`: those whose rows count, where several processes divide them; `series` is a reader of these.
    """

    def __init__(
        self,
        ledger: Ledger,
        series: SeriesReader,
        clock: Clock,
        monotonic: Callable[[], float] = time.monotonic,
        shards: Sequence[int | None] = (None,),
    ) -> None:
        self._ledger, self._series, self._clock, self._monotonic = ledger, series, clock, monotonic
        self._shards = tuple(shards)
        self._cursors = dict.fromkeys(self._shards, -1)
        self._moved_at = dict.fromkeys(self._shards, monotonic())
        self._looked_at = float("-inf")
        self._found = Behind(None, None)

    def since(self) -> float | None:
        """Up to which instant of arrival [s] the series has got, while it is being caught up; else None."""
        return self.look().catching_up

    def look(self) -> Behind:
        """How far the series has got."""
        if len(self._shards) > 1 and self._monotonic() - self._looked_at < LOOK_S:
            return self._found
        self._looked_at = self._monotonic()
        cursors = self._series.cursors(CURSOR)
        moving: list[float] = []
        standing: list[float] = []
        for shard in self._shards:
            at, headway = self._of_shard(shard, cursors.get(shard, 0))
            if at is not None:
                (moving if headway else standing).append(at)
        self._found = Behind(min(moving, default=None), min(standing, default=None))
        return self._found

    def _of_shard(self, shard: int | None, cursor: int) -> tuple[float | None, bool]:
        """When the first row came that waits for too long, if one does, and whether the cursor moves."""
        rows = self._ledger.rows(cursor, 1, shard)
        if cursor != self._cursors[shard] or not rows:
            self._cursors[shard], self._moved_at[shard] = cursor, self._monotonic()
        if not rows:
            return None, True
        behind = self._clock.now() - rows[0].received_at
        late = behind > max(BEHIND_S, REAL_BEHIND_S * self._clock.rate)
        headway = self._monotonic() - self._moved_at[shard] <= NO_HEADWAY_S
        return rows[0].received_at if late else None, headway
