"""One run of the ingest benchmark: a fresh data directory, a broker, the runners, a load, its figures."""

from __future__ import annotations

import os
import secrets
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

from ingest_service.register.description import import_description
from ingest_service.register.store import Register
from ingest_service.settings import Settings
from ingest_service.shard_work import is_divided
from ingest_service.stores import open_database_of, open_server_key_of
from oshwatch.bench.figures import spread_ms
from oshwatch.bench.fleet import Load, description, members, next_start
from oshwatch.bench.generators import Generators, generators
from oshwatch.bench.ingest_report import by_part, readings_per_cpu_second
from oshwatch.bench.places import Place, prepare, settings_of
from oshwatch.bench.processes import family_cpu_seconds, family_memory_mb, store_pids
from oshwatch.bench.registering import Copy, Registered
from oshwatch.bench.servers import BenchError, broker, machine_cpu_seconds, runners
from oshwatch.bench.watching import Progress, Watcher, rolled_up, stored_points, wait_for_notices

CATCH_UP_WITHIN_S: Final = 120.0
NOTICES_WITHIN_S: Final = 30.0
PREPARING_S: Final = 8.0
CONNECTING_S: Final = 0.002  # for one gateway, about
SIGNING_S: Final = 0.0003  # for one batch, about; a load that is not ready in time starts late

Tell = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Workload:
    """What a run is asked to do."""

    batches_per_second: float
    seconds: float
    gateways: int
    readings: int
    breaches: int
    workers: int = 1
    series: Place = "sqlite"

    def load(self) -> Load:
        """With the times of its readings still to be set (`_timed`)."""
        return Load(
            secrets.token_hex(8), self.gateways, self.batches_per_second, self.seconds, self.readings,
            self.breaches, 0.0,
        )  # fmt: skip


def run(workload: Workload, mosquitto: str, folder: Path, tell: Tell) -> dict[str, Any]:
    """One run in an empty folder. Raises `BenchError` when a process does not do its part."""
    data_dir = folder / "data"
    data_dir.mkdir()
    load = workload.load()
    with broker(mosquitto, folder, load.gateways) as (port, broker_pid):
        settings = settings_of(workload.series, data_dir, port, os.environ)
        numbers = _numbers(workload.workers, settings)
        prepare(settings)
        tell("registering gateways")
        register_fleet(settings, load)
        server_key = open_server_key_of(settings, create=True).public_key
        tell("starting the runners")
        with runners(settings, folder / "logs", numbers) as started, generators(load) as loading:
            load = _timed(load)
            loading.order(load, port)
            tell(f"signing {load.batches} batches")
            prepared = loading.prepared()
            tell(f"connecting {load.gateways} gateways")
            loading.connect(server_key)
            pids = {"broker": broker_pid, **started, **store_pids(settings), **loading.pids}
            return _measured(load, settings, loading, pids, prepared, tell)


def _timed(load: Load) -> Load:
    """Begun when everything will be ready; a run with breaches so that a minute ends in its middle."""
    ready = PREPARING_S + load.batches * SIGNING_S + load.gateways * CONNECTING_S
    earliest = time.time() + ready
    return replace(load, starts_at=next_start(load.seconds, earliest) if load.breaches else earliest)


def _numbers(workers: int, settings: Settings) -> dict[str, int]:
    """So many intakes; of the others half as many, where the series can be divided. Raises BenchError."""
    if workers > 1 and settings.database_url is None:
        raise BenchError("files have one process that writes them: several workers need --series influx")
    others = max(1, workers // 2) if is_divided(settings) else 1
    return {"intake": workers, "projector": others, "alerts": others}


def register_fleet(settings: Settings, load: Load) -> None:
    """The first gateway by the register itself, all others by copying its rows."""
    engine = open_database_of(settings)
    try:
        alone = replace(load, gateways=1, batches_per_second=1.0 / load.period_s)
        import_description(Register(engine), description(alone), who="bench")
        first, *others = members(load)
        registered = Registered(engine)
        site = registered.pattern(first.site, without=(first.zone, first.id))
        zone = registered.pattern(first.zone, first.id)
        sites = dict.fromkeys(one.site for one in others if one.site != first.site)
        registered.fill(Copy(site, {first.site: name}, {}) for name in sites)
        registered.fill(
            Copy(
                zone,
                {first.zone: one.zone, first.id: one.id, first.site: one.site},
                {"kid": one.kid, "public_key": one.public_key},
            )
            for one in others
        )
    finally:
        engine.dispose()


def _measured(
    load: Load,
    settings: Settings,
    loading: Generators,
    pids: Mapping[str, int],
    prepared: Mapping[str, int],
    tell: Tell,
) -> dict[str, Any]:
    watcher = Watcher(settings)
    watcher.start()
    try:
        memory = {name: family_memory_mb(pid) for name, pid in pids.items()}
        loading.begin(load.starts_at)
        tell("waiting until the load begins")
        time.sleep(max(0.0, load.starts_at - time.time()))
        begun, machine = time.monotonic(), machine_cpu_seconds()
        cpu = {name: family_cpu_seconds(pid) for name, pid in pids.items()}
        rolled = rolled_up(settings)
        tell(f"publishing for {load.seconds:g} s")
        seen = loading.outcome(load)
        tell("waiting for the series and the notices")
        caught_up = watcher.wait_until_projected(CATCH_UP_WITHIN_S)
        used = {name: round(family_cpu_seconds(pid) - cpu[name], 2) for name, pid in pids.items()}
        used["rest of the machine"] = round(machine_cpu_seconds() - machine - sum(used.values()), 2)
        rolled = rolled_up(settings).since(rolled)
        took = round(time.monotonic() - begun, 2)
        notices = wait_for_notices(settings, len(seen["breaches"]), NOTICES_WITHIN_S)
        end = {name: family_memory_mb(pid) for name, pid in pids.items()}
    finally:
        watcher.stop()
    waits = [
        notices[breach["zone"]] - breach["published_at"]
        for breach in seen["breaches"]
        if breach["zone"] in notices
    ]
    return {
        **_flow(load, seen, watcher.seen, caught_up=caught_up),
        "points": stored_points(settings),
        "payload_bytes": round(prepared["bytes"] / max(1, prepared["ready"])),
        "publish_to_ack_ms": seen["publish_to_ack_ms"],
        "publish_to_notice_ms": spread_ms(waits),
        "breaches": len(seen["breaches"]),
        "notices": len(waits),
        "acks": seen["acks"],
        "acks_verified": seen["acks_verified"],
        "generator_late_ms": seen["generator_late_ms"],
        "memory_mb": {name: {"start": memory[name], "end": end[name]} for name in pids},
        "cpu_s": used,
        "cpu_measured_for_s": took,
        "cpu_by_part_s": (parts := by_part(used)),
        "readings_per_cpu_second": readings_per_cpu_second(seen["acknowledged"] * load.readings, parts),
        "rollup_s": round(rolled.seconds, 2),
        "exposures": round(rolled.exposures),
        "rollup_ms_per_exposure": rolled.ms_per_exposure,
    }


def _flow(
    load: Load, seen: Mapping[str, Any], progress: Sequence[Progress], *, caught_up: bool
) -> dict[str, Any]:
    """Rates over the last four fifths of the load, and whether the backlog stayed where it was."""
    started = seen["started"]
    first, last = started + load.seconds / 5, started + load.seconds
    within = [one for one in progress if first <= one.at <= last]
    if len(within) < 4:
        raise BenchError("the load was too short to be measured; give it at least 5 seconds")
    span = within[-1].at - within[0].at
    projected = (within[-1].projected - within[0].projected) / span
    half = len(within) // 2
    early = max(one.behind for one in within[:half])
    late = max(one.behind for one in within[half:])
    done = next((one.at for one in progress if one.projected >= seen["acknowledged"]), None)
    sustained = (
        caught_up
        and seen["acknowledged"] == seen["published"]
        and seen["acked_per_second"] >= 0.98 * load.batches_per_second
        and late <= early + load.batches_per_second  # one second's worth of unevenness
    )
    return {
        "sustained": sustained,
        "published": seen["published"],
        "acknowledged": seen["acknowledged"],
        "rejected": seen["rejected"],
        "refused_by_broker": seen["refused_by_broker"],
        "acked_batches_per_second": round(seen["acked_per_second"], 1),
        "projected_batches_per_second": round(projected, 1),
        "projected_readings_per_second": round(projected * load.readings),
        "behind_batches": {"first_half_max": early, "second_half_max": late},
        "projected_after_load_s": None if done is None else round(max(0.0, done - last), 2),
    }
