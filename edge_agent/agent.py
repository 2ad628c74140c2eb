"""The agent, driven step by step: the same core in the real process and in the simulator.

One `Agent` is one gateway between two power cuts. Everything happens in the caller's thread; the connection's
own thread only queues. Use it like this::

    clock = SimClock(t0, booted_at=t0)
    settings = AgentSettings(gateway="kh-f0123-a", site="kh-f0123", data_dir=folder, seal_grace_s=0,
                             sensors=[SensorSettings(id="st1", driver="simulated", period_s=60)])
    identity = Identity("kh-f0123-a", "kh-f0123", GatewaySigner.from_bytes(key), server_key)
    agent = Agent.build(settings, clock, identity, drivers={"st1": my_driver}, disk=EndlessDisk())
    agent.start()                           # begins to look for the broker, never waits for it
    while True:
        clock.set(max(agent.next_due(), ...))   # the next instant of wall time at which something is due
        agent.step()                        # = sample_due, sync_due, seal_due, publisher.step
    agent.stop()                            # seals, says `stopping`, disconnects;  or agent.cut(): power cut

Call `step()` (or at least `publisher.step()`) also between instants, some ten times a real second, so that
acknowledgements are taken and the backlog moves. With `seal_grace_s=0` the readings of a full minute are
sealed in the same step. After `cut()` build a new Agent with a new SimClock over the same `data_dir`: it
seals what was open, with the old boot's own clock, and writes a gap record. Simulated fleets may set
`sync_after_s=3600` to save the disk, and `heartbeat_s=0` to stay quiet. Drivers handed in by sensor id are
used as they are; for the others the `driver` of the settings is looked up in `edge_agent.drivers`.
"""

from __future__ import annotations

import datetime as dt
import math
import sqlite3
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Self

from edge_agent import __version__
from edge_agent.buses import NoBus
from edge_agent.clock import Clock
from edge_agent.configuration import document, effective_channels
from edge_agent.delivery import Pace
from edge_agent.driver import DeviceInfo, Driver
from edge_agent.drivers import driver_class
from edge_agent.heartbeat import heartbeat, status
from edge_agent.identity import Identity
from edge_agent.intake import SensorIntake, channel_problem
from edge_agent.journal import Journal
from edge_agent.mqtt_link import Broker, Link, PahoLink
from edge_agent.outbox.disk import DiskLevel, DiskPolicy, DiskSpace, RealDisk
from edge_agent.outbox.opening import random_epoch
from edge_agent.outbox.records import Anchoring, OpenRecord
from edge_agent.outbox.sealing import seal_records
from edge_agent.outbox.segment import SealReason, Segment, SegmentLimits
from edge_agent.outbox.store import Outbox
from edge_agent.publisher import Publisher
from edge_agent.sampling import Event, Opened, Sampler, SensorRun, Taken
from edge_agent.settings import AgentSettings
from edge_agent.timekeeping import STEP_S, Timekeeper

PRUNE_AT_ONCE = 500
HOUSEKEEPING_S = 60.0
DAY_S = 86_400.0
OUTBOX_FILE = "outbox.sqlite"
log = Journal(__name__)


class Agent:
    """One gateway: sensors, open segment, outbox, delivery."""

    def __init__(
        self,
        settings: AgentSettings,
        clock: Clock,
        identity: Identity,
        outbox: Outbox,
        publisher: Publisher,
        drivers: Mapping[str, Driver],
        *,
        timekeeper: Timekeeper,
        disk: DiskSpace,
        thermal: Path | None = None,
    ) -> None:
        """`drivers` by sensor id, one for each sensor of the settings. Nothing is opened yet."""
        self.settings = settings
        self.clock = clock
        self.outbox = outbox
        self.publisher = publisher
        self.timekeeper = timekeeper
        self.intakes = {sensor.id: SensorIntake(sensor) for sensor in settings.sensors}
        self.sampler = Sampler(
            [
                SensorRun(sensor.id, drivers[sensor.id], sensor.period_s, timekeeper)
                for sensor in settings.sensors
            ]
        )
        self.records_sealed = 0
        self.batches_sealed = 0
        self._identity = identity
        self._disk = disk
        self._thermal = thermal
        self._policy = DiskPolicy(settings.disk_tidy, settings.disk_lean, settings.disk_full)
        self._level = DiskLevel.PLENTY
        self._stuck = False
        self._limits = SegmentLimits(
            settings.seal_after_s,
            settings.seal_grace_s,
            settings.seal_records,
            settings.seal_bytes,
            settings.sync_after_s,
        )
        self._devices: dict[str, DeviceInfo] = {}
        self._cfg = self._configure()
        self._segment = self._new_segment()
        self._housekeeping_at = -math.inf  # boot time
        self._heartbeat_at = self._next_heartbeat(timekeeper.wall() - 1e-6)
        publisher.attach(self)

    @classmethod
    def build(
        cls,
        settings: AgentSettings,
        clock: Clock,
        identity: Identity,
        *,
        drivers: Mapping[str, Driver] | None = None,
        link: Link | None = None,
        disk: DiskSpace | None = None,
        thermal: Path | None = None,
        new_epoch: Callable[[], str] = random_epoch,
        wake: Callable[[], None] = lambda: None,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> Self:
        """An agent with everything the settings name. Raises OutboxError, UnknownDriver."""
        given = dict(drivers or {})
        for sensor in settings.sensors:
            if sensor.id not in given:
                given[sensor.id] = driver_class(sensor.driver)(sensor.options, NoBus(), clock)
        outbox = Outbox(
            settings.data_dir / OUTBOX_FILE, settings.gateway, serial=identity.serial, new_epoch=new_epoch
        )
        last = outbox.last_moment()
        timekeeper = Timekeeper(clock, not_before=last.wall if last is not None else 0.0)
        publisher = Publisher(
            identity,
            outbox,
            timekeeper,
            link or PahoLink(settings.gateway, broker_of(settings), wake=wake),
            pace=Pace(
                settings.live_window,
                settings.back_window,
                settings.back_rate,
                settings.retry_first_s,
                settings.retry_longest_s,
            ),
            time_exchange=settings.time_exchange,
            monotonic=monotonic,
            version=__version__,
        )
        return cls(
            settings,
            clock,
            identity,
            outbox,
            publisher,
            given,
            timekeeper=timekeeper,
            disk=disk or RealDisk(settings.data_dir),
            thermal=thermal,
        )

    # -- life -------------------------------------------------------------------------------------------

    def start(self, *, note_gap: bool = True) -> None:
        """Seal what an earlier run left open, say what is missing since, and begin to connect."""
        last = self.outbox.last_moment()
        left = self.outbox.leftover()
        if left is not None:
            self._write_batch(left.anchoring, left.records, "restart")
        if self.outbox.set_aside is not None:
            self.tell(
                f"outbox damaged: set aside as {self.outbox.set_aside.name}, new epoch {self.outbox.epoch}"
            )
        if last is not None and note_gap:
            here = self.clock.boot_time()
            self.add(
                status(
                    f"restart: from boot {last.boot} at {last.mono:.3f} s ({_utc(last.wall)})"
                    f" to boot {self.clock.boot_id} at {here:.3f} s ({_utc(self.timekeeper.wall())})",
                    here,
                    name="gap",
                )
            )
        self.publisher.configured(self._document)
        self.publisher.open()

    def step(self) -> None:
        """Do everything that is due at the clock's present time."""
        now = self.look()
        self.sample_due(now)
        self.keep_house(now)
        self.sync_due()
        self.seal_due(now)
        self.publisher.step()

    def next_due(self) -> float:
        """The next wall instant at which sampling, heartbeat or sealing has something to do."""
        return min(self.sampler.next_due(), self.next_chore())

    def next_chore(self) -> float:
        """The same without sampling, for a process whose sensors have threads of their own."""
        return min(self._heartbeat_at, self._segment.seal_at())

    def stop(self, patience_s: float = 2.0, *, close_sensors: bool = True) -> None:
        """End in good order: close sensors, seal, deliver for a moment, disconnect, close the outbox."""
        if close_sensors:
            self.sampler.close()
        self.seal("stop")
        self.publisher.stop(patience_s)
        self.outbox.close()

    def cut(self) -> None:
        """End as in a power cut: whatever was not yet synced is lost, the broker publishes the will."""
        self.publisher.cut()
        self.outbox.close()

    # -- measuring --------------------------------------------------------------------------------------

    def look(self) -> float:
        """Compare the clocks; a step ends the segment, so each batch has one offset. Answers wall time."""
        state = self.timekeeper.look()
        held = self._segment.anchoring
        if abs(state.off - held.off) > STEP_S or state.clk != held.clk:
            self.seal("clock")
        return self.timekeeper.wall()

    def sample_due(self, now: float | None = None) -> int:
        """Read every sensor that is due at wall instant `now` (default: the clock's); answers reads made."""
        if self.halted:
            return 0
        events: list[Event] = []
        reads = self.sampler.run_due(self.timekeeper.wall() if now is None else now, events.append)
        self.receive(events)
        return reads

    @property
    def halted(self) -> bool:
        """Whether measuring has stopped for want of room: disk full, or outbox not writable."""
        crowded = self._stuck and len(self._segment.records) >= self._limits.records
        return self._level is DiskLevel.FULL or crowded

    def receive(self, events: Sequence[Event]) -> None:
        """Take what the sensors handed over, in the thread that owns the outbox."""
        # All that opened first, or each of them would end the batch of the one before.
        self._opened([event for event in events if isinstance(event, Opened)])
        if self.halted:
            return
        day = dt.datetime.fromtimestamp(self.timekeeper.wall(), dt.UTC).date()
        lean = self._level >= DiskLevel.LEAN
        for event in events:
            if isinstance(event, Taken):
                for record in self.intakes[event.sensor].records(event, day, lean=lean):
                    self.add(record)

    def add(self, record: OpenRecord) -> None:
        """Put a record into the open segment; a full one is sealed at once."""
        self._segment.add(record)
        if self._segment.seal_reason(-math.inf) is not None:
            self.seal("count")

    # -- keeping ----------------------------------------------------------------------------------------

    def sync_due(self) -> None:
        """Write what has waited too long to the disk."""
        if self._segment.sync_due(self.clock.boot_time()):
            self.outbox.sync(self._segment.anchoring, self._segment.unsynced())
            self._segment.synced = len(self._segment.records)

    def seal_due(self, now: float | None = None) -> SealReason | None:
        """Seal if it is time; answers why it was sealed."""
        reason = self._segment.seal_reason(self.timekeeper.wall() if now is None else now)
        if reason is not None:
            self.seal(reason)
        return reason

    def seal(self, reason: SealReason) -> None:
        """Make the open segment a batch, safe on disk when this returns; nothing happens when it is empty.

        While the disk refuses, the segment stays in memory and is tried again at the next occasion.
        """
        segment = self._segment
        if segment.records:
            try:
                self._write_batch(segment.anchoring, segment.records, reason)
            except sqlite3.OperationalError as error:
                if not self._stuck:
                    log.exception("the outbox cannot be written, nothing is discarded", reason=str(error))
                self._stuck = True
                return
        self._stuck = False
        self._segment = self._new_segment()

    def keep_house(self, now: float) -> None:
        """Heartbeat, and room on the disk."""
        if now >= self._heartbeat_at or self._heartbeat_at - now > 2 * max(1.0, self.settings.heartbeat_s):
            self._heartbeat_at = self._next_heartbeat(now)
            if math.isfinite(self._heartbeat_at):
                for record in heartbeat(
                    self.outbox, self._disk, self.clock.boot_time(), thermal=self._thermal
                ):
                    self.add(record)
        boot_time = self.clock.boot_time()
        if boot_time - self._housekeeping_at >= HOUSEKEEPING_S:
            self._housekeeping_at = boot_time
            self._keep_disk(now)

    # -- what the publisher asks (Listener) ---------------------------------------------------------------

    def tell(self, text: str) -> None:
        """Write a line to sys/status."""
        log.warning("status", text=text)
        self.add(status(text, self.clock.boot_time()))

    def flush(self) -> None:
        self.seal("flush")

    def identify(self) -> dict[str, object]:
        return {
            "gw": self.settings.gateway,
            "version": __version__,
            "sensors": {name: device.model for name, device in self._devices.items()},
        }

    # -- inside -----------------------------------------------------------------------------------------

    def _write_batch(self, anchoring: Anchoring, records: Sequence[OpenRecord], reason: SealReason) -> None:
        anchors = self.timekeeper.untold() if anchoring.boot == self.clock.boot_id else ()
        seq = seal_records(
            self.outbox, self._identity, anchoring, records, anchors=anchors, sealed_at=self.timekeeper.wall()
        )
        self.timekeeper.told(anchors)
        self.records_sealed += len(records)
        self.batches_sealed += 1
        log.debug("sealed", seq=seq, records=len(records), reason=reason)
        self.publisher.batch_sealed()

    def _opened(self, events: Sequence[Opened]) -> None:
        changed = False
        for sensor, device in events:
            intake = self.intakes[sensor]
            channels = effective_channels(intake.settings, device)
            usable = {}
            for name, info in channels.items():
                problem = channel_problem(info)
                if problem is None:
                    usable[name] = info
                else:
                    self.tell(f"{sensor}: {problem}")
            intake.channels = usable
            changed |= self._devices.get(sensor) != device
            self._devices[sensor] = device
        if changed:
            self.seal("configuration")
            self._cfg = self._configure()
            if not self._segment.records:
                self._segment = self._new_segment()
            self.publisher.configured(self._document)

    def _configure(self) -> str:
        buses = {sensor.id: sensor.bus_name for sensor in self.settings.sensors}
        self._document = document(self.settings.gateway, self.settings.sensors, self._devices, buses)
        return self.outbox.configure(self._document)

    def _new_segment(self) -> Segment:
        state = self.timekeeper.state
        return Segment(
            Anchoring(self.clock.boot_id, state.off, state.clk, state.err, self._cfg), self._limits
        )

    def _keep_disk(self, now: float) -> None:
        level = self._policy.level(self._disk.used_share())
        before = math.inf if level >= DiskLevel.TIDY else now - self.settings.keep_done_days * DAY_S
        if self.publisher.disputed:
            before = -math.inf
        self.outbox.prune(before=before, limit=PRUNE_AT_ONCE)
        if level is self._level:
            return
        previous, self._level = self._level, level
        if level is DiskLevel.FULL:
            self.add(status("disk full: measuring stops", self.clock.boot_time(), name="gap"))
            self.seal("alarm")
        elif level is DiskLevel.LEAN:
            self.tell("disk: nearly full, only aggregates of 60 s are kept")
        elif previous >= DiskLevel.LEAN:
            self.tell("disk: room again, measuring as configured")

    def _next_heartbeat(self, after: float) -> float:
        every = self.settings.heartbeat_s
        return (math.floor(after / every + 1e-9) + 1) * every if every else math.inf


def broker_of(settings: AgentSettings) -> Broker:
    """Where the settings say to connect."""
    secret = settings.mqtt_password
    return Broker(
        host=settings.mqtt_host,
        port=settings.mqtt_port,
        username=settings.mqtt_username,
        password=None if secret is None else secret.get_secret_value(),
        ca_file=_text(settings.mqtt_ca_file),
        certificate_file=_text(settings.mqtt_certificate_file),
        key_file=_text(settings.mqtt_key_file),
        reconnect_longest_s=settings.reconnect_longest_s,
    )


def _text(path: Path | None) -> str | None:
    return None if path is None else str(path)


def _utc(t: float) -> str:
    return dt.datetime.fromtimestamp(t, dt.UTC).isoformat(timespec="milliseconds")
