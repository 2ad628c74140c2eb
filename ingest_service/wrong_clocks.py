"""Gateways whose wall clock was seen to be right and then jumped, though they say that it is good.

Nothing but the ledger is asked. A batch that arrives right after its newest reading was taken shows that the
wall clock of that boot is right, to within the delay. A later batch of the same boot whose wall clock stands
more than five minutes elsewhere against the boot-time clock, and whose readings are as far from their
arrival, was stamped by a wrong clock: the boot-time clock does not jump. Its readings are placed by the
boot-time clock and the moment at which the two agreed. A backlog has the wall clock of its boot and stays as
it is; a clock that was wrong since the boot cannot be told from a backlog here, and shows as silence and
late readings.
"""

from __future__ import annotations

from typing import Final

from ingest_service.ledger.port import LedgerRow
from ingest_service.series.clocks import ClockStore, GatewayClock
from osh_domain.batch import Header
from osh_domain.quality import FUTURE_S, TimeQuality, time_quality

AT_ONCE_S: Final = 45.0
"""A newest reading so near to its arrival shows that the clock is right."""
AGAIN_S: Final = 3600.0
"""After so long of the boot-time clock, which drifts, the moment is replaced by a newer one."""

Known = dict[tuple[str, str], GatewayClock]
"""Gateway and boot -> the clock."""


class GatewayClocks:
    """What was seen of the clocks so far. `seen` holds what a portion has found and is not stored yet."""

    def __init__(self, store: ClockStore) -> None:
        self._store = store
        self._known: Known = {}

    def look(self, row: LedgerRow, header: Header, newest: float, seen: Known) -> GatewayClock | None:
        """The clock by which the readings of a batch must be placed, None when its own is not contradicted.

        `newest`: time of its newest reading by its own clock [s].
        """
        if time_quality(header.clk, header.err) >= TimeQuality.BOUNDED:
            return None
        key = row.gateway, header.boot
        known = seen.get(key) or self._recall(key)
        late = row.received_at - newest
        if abs(late) <= AT_ONCE_S:
            if known is None or known.wrong_since is not None or header.mono[1] - known.mono >= AGAIN_S:
                err = max(header.err or 0.0, abs(late))
                seen[key] = GatewayClock(*key, header.mono[1], header.off + header.mono[1], err, header.off)
            return None
        if known is None or abs(late) <= FUTURE_S or abs(header.off - known.off) <= FUTURE_S:
            return None
        if known.wrong_since is None:
            known = known._replace(wrong_since=row.received_at, behind=known.off - header.off)
            seen[key] = known
        return known

    def stored(self, seen: Known) -> None:
        """What a portion found was written."""
        self._known.update(seen)

    def _recall(self, key: tuple[str, str]) -> GatewayClock | None:
        if key not in self._known:
            found = self._store.gateway_clock(*key)
            if found is None:
                return None
            self._known[key] = found
        return self._known[key]
