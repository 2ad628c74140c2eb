"""Figures of the whole fleet for Prometheus, read from the stores on request, at most every ten seconds.

Sums and counts only, never a gateway's or a factory's name: ``/metrics`` asks nobody to sign in, and a label
for each of ten thousand gateways would cost more than it tells. Which gateway it is stands on the fleet page,
in ``/api/v1/fleet`` and in the case of the watch rule.
"""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric

from ingest_service.cases.delivery_doubts import MOST_ENTRIES, of_system
from ingest_service.clone_suspicion import suspicions
from ingest_service.context import Context
from ingest_service.ledger.port import GatewayStatus
from ingest_service.projection import CURSOR
from ingest_service.series.port import ChannelEntry
from ingest_service.shard_work import shards_of
from osh_domain.readings import SYSTEM_SENSOR

KEPT_S: Final = 10.0
SILENT_S: Final = 600.0
OLD_BACKLOG_S: Final = 6 * 3600.0
FULL_SHARE: Final = 0.9
CLOCKS: Final = ("ntp", "srv", "rtc", "hold", "none")


@dataclass
class Fleet:
    """The figures. Ages in s; ``series_behind_s`` 0: the series has everything."""

    gateways: Counter[str] = field(default_factory=Counter)
    clocks: Counter[str] = field(default_factory=Counter)
    unsettled: Counter[str] = field(default_factory=Counter)
    backlog_batches: float = 0.0
    backlog_age_s: float = 0.0
    backlog_old: int = 0
    disk_full: int = 0
    lost: int = 0
    clones: int = 0
    rejected: int = 0
    conflicts: int = 0
    chain_breaks: int = 0
    ledger_rows: int = 0
    series_behind_s: float = 0.0
    newest_batch_age_s: float | None = None
    day_line_age_s: float | None = None


class FleetMetrics:
    """Text for Prometheus; safe to share between threads."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._lock = threading.Lock()
        self._text = b""
        self._read_at = float("-inf")

    def exposition(self) -> bytes:
        """Raises what the stores raise; the caller leaves these figures out then."""
        with self._lock:
            if time.monotonic() - self._read_at >= KEPT_S:
                registry = CollectorRegistry()
                registry.register(_Collector(read_fleet(self._context)))
                self._text = generate_latest(registry)
                self._read_at = time.monotonic()
            return self._text


def read_fleet(context: Context) -> Fleet:
    """Count everything once."""
    now, register = context.clock.now(), context.register.snapshot()
    found = Fleet(ledger_rows=context.ledger.last_row())
    statuses = {one.gateway: one for one in context.ledger.statuses()}
    for gateway in register.gateways:
        status = statuses.get(gateway.id)
        revoked = gateway.revoked_at is not None and gateway.revoked_at <= now
        last = status.last_batch_at if status else None
        silent = last is None or now - last > SILENT_S
        found.gateways["revoked" if revoked else "silent" if silent else "reporting"] += 1
        if status is not None and not revoked:
            _add_status(found, status)
    for entry in context.series.channels():
        if entry.sensor == SYSTEM_SENSOR:
            _add_system(found, entry, now)
    known = {gateway.id for gateway in register.gateways}
    found.clones = sum(name in known for name in suspicions(context.engine, now))
    for one in context.ledger.quarantine(limit=MOST_ENTRIES):
        found.unsettled[one.code] += not one.settled
    found.series_behind_s = _behind(context, now)
    heard = [one.last_batch_at for one in statuses.values() if one.last_batch_at is not None]
    found.newest_batch_age_s = max(0.0, now - max(heard)) if heard else None
    found.day_line_age_s = day_line_age([one.day for one in context.ledger.day_roots()], now)
    return found


def _add_status(found: Fleet, status: GatewayStatus) -> None:
    found.clocks[status.clk if status.clk in CLOCKS else "unknown"] += 1
    found.rejected += status.rejected
    found.conflicts += status.conflicts
    found.chain_breaks += status.chain_breaks


def _add_system(found: Fleet, entry: ChannelEntry, now: float) -> None:
    if entry.quantity == "outbox" and entry.last_value is not None:
        found.backlog_batches += entry.last_value
    if entry.last_time is None:
        return
    doubt = of_system(entry, entry.last_time, now)
    if doubt is None:
        return
    if doubt.what == "backlog" and doubt.amount is not None:
        found.backlog_age_s = max(found.backlog_age_s, doubt.amount)
        found.backlog_old += doubt.amount > OLD_BACKLOG_S
    elif doubt.what == "disk" and doubt.amount is not None:
        found.disk_full += doubt.amount > FULL_SHARE
    elif doubt.what == "lost":
        found.lost += 1


def _behind(context: Context, now: float) -> float:
    """Since when the first row waits that is not in the series; a projector that stands still counts too."""
    cursors = context.series.cursors(CURSOR)  # a shard that never wrote is not among them
    shards = shards_of(context.settings)
    rows = [context.ledger.rows(cursors.get(shard, 0), 1, shard) for shard in shards]
    return max((now - found[0].received_at for found in rows if found), default=0.0)


def day_line_age(days: Sequence[str], now: float) -> float | None:
    """Time [s] since the end of the newest published day that is over.

    While the clock was ahead a day to come may have been published, after which none is until it has come:
    that one is passed over here, else nobody would be told.
    """
    over = [end for end in map(_end_of, days) if end <= now]
    return now - over[-1] if over else None


def _end_of(day: str) -> float:
    return datetime.fromisoformat(day).replace(tzinfo=UTC).timestamp() + 86_400.0


class _Collector:
    def __init__(self, fleet: Fleet) -> None:
        self._fleet = fleet

    def collect(self) -> Iterator[Metric]:
        fleet = self._fleet
        states = {state: fleet.gateways[state] for state in ("reporting", "silent", "revoked")}
        clocks = {clock: fleet.clocks[clock] for clock in (*CLOCKS, "unknown")}
        yield _labelled("oshwatch_gateways", "Registered gateways, by state.", "state", states)
        yield _labelled("oshwatch_gateway_clocks", "Gateways, by what set their clock last.", "clock", clocks)
        yield _labelled(
            "oshwatch_quarantine_unsettled", "Entries nobody settled, of the newest 2000, by code.", "code",
            dict(fleet.unsettled),
        )  # fmt: skip
        gauges = (
            ("backlog_batches", "Batches that wait on gateways.", fleet.backlog_batches),
            ("backlog_age_seconds", "Age of the oldest waiting batch of all gateways.", fleet.backlog_age_s),
            ("gateways_backlog_old", "Gateways whose oldest batch waits over six hours.", fleet.backlog_old),
            ("gateways_disk_full", "Gateways with over 90 % of the disk used.", fleet.disk_full),
            ("gateways_lost_readings", "Gateways that lost readings within a day.", fleet.lost),
            ("gateways_clone_suspected", "Gateways whose name two machines seem to use.", fleet.clones),
            ("ledger_rows", "Rows of the ledger.", fleet.ledger_rows),
            ("series_behind_seconds", "How far the series is behind the ledger.", fleet.series_behind_s),
            ("newest_batch_age_seconds", "Time since any batch came.", fleet.newest_batch_age_s),
            ("day_line_age_seconds", "Time since the end of the newest published day.", fleet.day_line_age_s),
        )
        for name, text, value in gauges:
            if value is not None:
                yield GaugeMetricFamily(f"oshwatch_{name}", text, value=float(value))
        counters = (
            ("gateway_rejected", "Batches of registered gateways that were refused.", fleet.rejected),
            ("gateway_conflicts", "Batches that met other content under their number.", fleet.conflicts),
            ("gateway_chain_breaks", "Batches that did not follow from the one before.", fleet.chain_breaks),
        )
        for name, text, count in counters:
            yield CounterMetricFamily(f"oshwatch_{name}", text, value=float(count))


def _labelled(name: str, text: str, label: str, values: dict[str, int]) -> Metric:
    found = GaugeMetricFamily(name, text, labels=[label])
    for value, count in sorted(values.items()):
        found.add_metric([value], float(count))
    return found
