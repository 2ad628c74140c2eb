"""What is wrong with how gateways deliver: an old backlog, a full disk, lost readings, refusals, a broken
chain, a name that two machines use.

Reads at the edge and hands plain doubts to `alert_rules.watches`; how much is too much stands in the pack.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, Final, NamedTuple, Protocol

from alert_rules.watches import Doubt
from ingest_service.clone_suspicion import Suspicion
from ingest_service.ledger.port import GatewayStatus, QuarantineEntry
from ingest_service.series.port import ChannelEntry
from osh_domain.readings import SYSTEM_SENSOR

DAY_S: Final = 86_400.0
SPEAKS_S: Final = 900.0
"""A gateway whose newest heartbeat is older says nothing of its backlog now."""
MOST_ENTRIES: Final = 2000
OF_A_RESTART: Final = "restart:"
"""How the gap of a power cut or a restart begins: what is missing then was never measured."""

Clones = Callable[[float], Mapping[str, Suspicion]]


class Kept(Protocol):
    """What the ledger knows of deliveries."""

    def statuses(self) -> list[GatewayStatus]: ...

    def quarantine(self, *, limit: int) -> list[QuarantineEntry]: ...


class Broken(NamedTuple):
    """How many links of a gateway's chain are broken, and when the last was noticed (0: before we looked)."""

    breaks: int
    at: float


class Deliveries:
    """What is known now of the deliveries of all gateways. `breaks` is remembered between looks."""

    def __init__(self, kept: Kept | None, clones: Clones | None) -> None:
        self._kept, self._clones = kept, clones
        self.breaks: dict[str, Broken] = {}

    def look(self, entries: Iterable[ChannelEntry], now: float) -> dict[str, list[Doubt]]:
        """Doubts by gateway."""
        found: dict[str, list[Doubt]] = {}
        for one in (*self._of_system(entries, now), *self._of_ledger(now), *self._of_clones(now)):
            found.setdefault(one.gateway, []).append(one)
        return found

    def _of_system(self, entries: Iterable[ChannelEntry], now: float) -> Iterator[Doubt]:
        for entry in entries:
            if entry.sensor == SYSTEM_SENSOR and entry.last_time is not None:
                doubt = of_system(entry, entry.last_time, now)
                if doubt is not None:
                    yield doubt

    def _of_ledger(self, now: float) -> Iterator[Doubt]:
        if self._kept is None:
            return
        for gateway, count, since in refused(self._kept.quarantine(limit=MOST_ENTRIES), now):
            yield _doubt("refused", gateway, since, str(count), float(count))
        for status in self._kept.statuses():
            before = self.breaks.get(status.gateway)
            if before is None or status.chain_breaks != before.breaks:
                # The first count is where we begin: what was broken before was told, or nobody looked yet.
                grown = before is not None and status.chain_breaks > before.breaks
                before = self.breaks[status.gateway] = Broken(status.chain_breaks, now if grown else 0.0)
            if before.at and now - before.at < DAY_S:
                yield _doubt("chain", status.gateway, before.at, str(before.breaks))

    def _of_clones(self, now: float) -> Iterator[Doubt]:
        for gateway, one in (self._clones(now) if self._clones else {}).items():
            yield _doubt("clone", gateway, one.since, ", ".join(one.kinds))


def of_system(entry: ChannelEntry, at: float, now: float) -> Doubt | None:
    """What a gateway's own channel gives reason to doubt."""
    if entry.quantity == "backlog_age" and entry.last_value:
        # The age grows while the gateway speaks; of one that is silent only what it said last is known.
        age = entry.last_value + (max(0.0, now - at) if now - at <= SPEAKS_S else 0.0)
        return _doubt("backlog", entry.gateway, at - entry.last_value, f"{age / 3600.0:.1f}", age)
    if entry.quantity == "disk_free" and entry.last_value is not None:
        used = 1.0 - entry.last_value
        return _doubt("disk", entry.gateway, at, f"{100.0 * used:.0f}", used)
    said = entry.last_text or OF_A_RESTART
    if entry.quantity == "gap" and now - at < DAY_S and not said.startswith(OF_A_RESTART):
        return _doubt("lost", entry.gateway, at, said)
    return None


def refused(entries: Iterable[QuarantineEntry], now: float) -> Iterator[tuple[str, int, float]]:
    """Payloads of registered gateways that were refused within a day and are not settled: how many, since
    when. Conflicts are told as a suspected copy."""
    count: Counter[str] = Counter()
    since: dict[str, float] = {}
    for one in entries:
        fresh = now - one.received_at < DAY_S
        if one.known and fresh and not one.settled and one.ledger_row is None and one.code != "conflict":
            count[one.gateway] += 1
            since[one.gateway] = min(since.get(one.gateway, now), one.received_at)
    for gateway, number in count.items():
        yield gateway, number, since[gateway]


def _doubt(what: str, gateway: str, since: float, said: str, amount: float | None = None) -> Doubt:
    detail: dict[str, Any] = {"what": what, "gateway": gateway, "said": said}
    return Doubt(what, f"{gateway}/{SYSTEM_SENSOR}", since, detail, amount=amount)
