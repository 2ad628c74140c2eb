"""The agent, driven step by step: the same core in the real process and in the simulator.

One `Agent` is one gateway between two power cuts. Everything happens in the caller's thread; the connection's
own thread only queues. Use it like this::

    clock = SimClock(t0, booted_at=t0)
    settings = AgentSettings(gateway="kh-f0123-a", site="kh-f0123", data_dir=folder, seal_grace_s=0,
                             sensors=[SensorSettings(id="st1", driver="simulated", period_s=60)])
    identity = Identity("kh-f0123-a", "kh-f0123", GatewaySigner.from_bytes(key), server_key)
    agent = Agent.build(settings, clock, identity, drivers={"st1": my_driver}, disk=EndlessDisk())
    agent.start()                           # begins to look for the broker, never waits for it
    while True:                             # some ten times a real second
        clock.set(max(agent.next_due(), ...))
        agent.step()
    agent.stop()                            # or agent.cut(): power cut; then a new Agent and a new SimClock
"""

from __future__ import annotations

import datetime as dt
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Self

from edge_agent import __version__
from edge_agent.buses import NoBus
from edge_agent.clock import Clock
from edge_agent.configuration import document, effective_channels
from edge_agent.driver import DeviceInfo, Driver
from edge_agent.drivers import driver_class
from edge_agent.heartbeat import restart_gap, status
from edge_agent.housekeeping import Housekeeper
from edge_agent.identity import Identity
from edge_agent.intake import SensorIntake, usable
from edge_agent.journal import Journal
from edge_agent.keeping import Keeper
from edge_agent.key_rotation import KeyRotation
from edge_agent.mqtt_link import Link, PahoLink
from edge_agent.outbox.disk import DiskLevel, DiskSpace, RealDisk
from edge_agent.outbox.epochs import random_epoch
from edge_agent.outbox.records import OpenRecord
from edge_agent.outbox.segment import SealReason
from edge_agent.outbox.store import Outbox
from edge_agent.publisher import Publisher
from edge_agent.rescuing import Rescuer
from edge_agent.sampling import Event, Opened, Sampler, SensorRun, Taken
from edge_agent.settings import AgentSettings
from edge_agent.timekeeping import Timekeeper
from edge_agent.wiring import broker_of, limits_of, pace_of, policy_of

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
        self._devices: dict[str, DeviceInfo] = {}
        self._document = self._describe()
        self._keeper = Keeper(
            identity,
            outbox,
            timekeeper,
            limits_of(settings),
            outbox.configure(self._document),
            publisher.batch_sealed,
        )
        self._housekeeper = Housekeeper(
            outbox,
            timekeeper,
            disk,
            policy_of(settings),
            every_s=settings.heartbeat_s,
            keep_done_days=settings.keep_done_days,
            thermal=thermal,
        )
        self._rescuer = Rescuer(outbox, identity, timekeeper.clock, publisher.batch_sealed)
        self._rotation = KeyRotation(settings.data_dir, identity, outbox, self._keeper.seal_alone, self)
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
            link or PahoLink(settings.gateway, broker_of(settings), wake=wake, clock=timekeeper.moment),
            pace=pace_of(settings),
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

    def start(self, *, note_gap: bool = True) -> None:
        """Seal what an earlier run left open, say what is missing since, and begin to connect."""
        last = self.outbox.last_moment()
        left = self.outbox.leftover()
        if left is not None:
            self._keeper.take_up(left)
        self._rescuer.begin(self.tell, self.add)
        if last is not None and note_gap:
            self.add(restart_gap(last, self.timekeeper))
        self.publisher.configured(self._document)
        self.publisher.open()

    def step(self) -> None:
        """Do everything that is due at the clock's present time."""
        now = self.look()
        self.sample_due(now)
        self.chores(now)

    def chores(self, now: float) -> None:
        """Everything but sampling: heartbeat, disk, sync, seal, delivery."""
        self.keep_house(now)
        self._keeper.sync_due()
        self._keeper.seal_due(now)
        self._rescuer.step(now, self.tell)
        self._rotation.step(self.clock.boot_time())
        self.publisher.step()

    def next_due(self) -> float:
        """The next wall instant at which sampling, heartbeat or sealing has something to do."""
        return min(self.sampler.next_due(), self.next_chore())

    def next_chore(self) -> float:
        """The same without sampling, for a process whose sensors have threads of their own."""
        return min(self._housekeeper.next_heartbeat, self._keeper.seal_at())

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

    def look(self) -> float:
        """Compare the clocks; a step ends the segment. Answers wall time."""
        self.timekeeper.look()
        self._keeper.follow_clock()
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
        return self._housekeeper.level is DiskLevel.FULL or self._keeper.crowded

    def receive(self, events: Sequence[Event]) -> None:
        """Take what the sensors handed over, in the thread that owns the outbox."""
        # All that opened first, or each of them would end the batch of the one before.
        self._opened([event for event in events if isinstance(event, Opened)])
        if self.halted:
            return
        day = dt.datetime.fromtimestamp(self.timekeeper.wall(), dt.UTC).date()
        lean = self._housekeeper.level >= DiskLevel.LEAN
        for event in events:
            if isinstance(event, Taken):
                for record in self.intakes[event.sensor].records(event, day, lean=lean):
                    self.add(record)

    @property
    def batches_sealed(self) -> int:
        """Since this agent was built."""
        return self._keeper.batches_sealed

    def add(self, record: OpenRecord) -> None:
        """Put a record into the open segment; a full one is sealed at once."""
        self._keeper.add(record)

    def seal_due(self, now: float | None = None) -> SealReason | None:
        """Seal if it is time; answers why it was sealed."""
        return self._keeper.seal_due(self.timekeeper.wall() if now is None else now)

    def seal(self, reason: SealReason) -> None:
        """Make the open segment a batch; nothing happens when it is empty."""
        self._keeper.seal(reason)

    def keep_house(self, now: float) -> None:
        """Heartbeat, and room on the disk."""
        for record in self._housekeeper.beat(now):
            self.add(record)
        word = self._housekeeper.keep_disk(now, spared=self.publisher.disputed)
        if word is not None:
            log.warning("disk", text=word.value)
            self.add(word)
            self.seal("alarm")

    def tell(self, text: str) -> None:
        """Write a line to sys/status."""
        log.warning("status", text=text)
        self.add(status(text, self.clock.boot_time()))

    def flush(self) -> None:
        self.seal("flush")

    def rotate_key(self) -> str:
        return self._rotation.begin()

    def key_changed(self) -> None:
        self.publisher.configured(self._document)

    def identify(self) -> dict[str, object]:
        return {
            "gw": self.settings.gateway,
            "version": __version__,
            "sensors": {name: device.model for name, device in self._devices.items()},
        }

    def _opened(self, events: Sequence[Opened]) -> None:
        changed = False
        for sensor, device in events:
            intake = self.intakes[sensor]
            intake.channels, problems = usable(effective_channels(intake.settings, device))
            for problem in problems:
                self.tell(f"{sensor}: {problem}")
            changed |= self._devices.get(sensor) != device
            self._devices[sensor] = device
        if changed:
            self._document = self._describe()
            self._keeper.configured(self.outbox.configure(self._document))
            self.publisher.configured(self._document)

    def _describe(self) -> bytes:
        buses = {sensor.id: sensor.bus_name for sensor in self.settings.sensors}
        return document(self.settings.gateway, self.settings.sensors, self._devices, buses)
