"""The real process: a thread for each bus, one thread that owns the outbox, a clean end on SIGTERM."""

from __future__ import annotations

import queue
import sqlite3
import threading
import time
from collections.abc import Callable, Mapping

from edge_agent.agent import OUTBOX_FILE, Agent
from edge_agent.clock import Clock, ScaledClock, SystemClock
from edge_agent.driver import Driver
from edge_agent.heartbeat import THERMAL_ZONE
from edge_agent.identity import KEY_FILE, Identity, decode_public_key, hardware_serial, load_or_create_key
from edge_agent.journal import Journal
from edge_agent.key_rotation import former_keys
from edge_agent.outbox.store import Outbox
from edge_agent.sampling import Event, Sampler, SensorRun, Taken
from edge_agent.settings import AgentSettings
from osh_domain.scaled_time import ScaledTime

NAP_S = 1.0
HANGS_AFTER_S = 30.0
DISK_PAUSE_S = 5.0
JOIN_S = 2.0
log = Journal(__name__)


class BusThread(threading.Thread):
    """Reads the sensors of one bus, one after the other. A hanging driver stops nobody but its own bus."""

    def __init__(
        self, name: str, runs: list[SensorRun], agent: Agent, hand_over: Callable[[Event], None]
    ) -> None:
        super().__init__(name=f"bus-{name}", daemon=True)
        self.busy: tuple[str, float] | None = None  # sensor being read, and since when (boot time)
        self._sampler = Sampler(runs)
        self._agent = agent
        self._hand_over = hand_over
        self._ending = threading.Event()

    def run(self) -> None:
        timekeeper = self._agent.timekeeper
        while not self._ending.is_set():
            now = timekeeper.wall()
            if not self._agent.halted:
                for run in self._sampler.runs:
                    self.busy = (run.sensor, timekeeper.clock.boot_time())
                    for event in run.run(now):
                        self._hand_over(event)
                self.busy = None
            wait = self._sampler.next_due() - timekeeper.wall()
            self._ending.wait(min(NAP_S, max(0.001, wait)))
        self._sampler.close()

    def end(self) -> None:
        self._ending.set()


class Runner:
    """Runs an agent until told to stop. Build and run it in one thread: the outbox belongs to that thread.

    `stop()` may be called from any thread and from a signal handler.
    """

    def __init__(
        self,
        settings: AgentSettings,
        *,
        clock: Clock | None = None,
        drivers: Mapping[str, Driver] | None = None,
    ) -> None:
        """Everything is checked and opened here; nothing runs yet. Raises IdentityError, OutboxError."""
        self._wake = threading.Event()
        self._stopping = threading.Event()
        self._inbox: queue.SimpleQueue[Event] = queue.SimpleQueue()
        self._reported: set[tuple[str, float]] = set()
        chosen = clock or clock_for(settings)
        self.agent = Agent.build(
            settings,
            chosen,
            identity_for(settings),
            drivers=drivers,
            thermal=THERMAL_ZONE,
            wake=self._wake.set,
        )
        self.buses = self._threads(settings)

    def stop(self) -> None:
        self._stopping.set()
        self._wake.set()

    def run(self) -> None:
        """Measure and deliver until `stop()`; then seal, say so, and close."""
        self.agent.start()
        for bus in self.buses:
            bus.start()
        log.info("agent runs", gateway=self.agent.settings.gateway, buses=len(self.buses))
        try:
            while not self._stopping.is_set():
                self._turn()
        finally:
            self._end()

    def _turn(self) -> None:
        self._wake.wait(self._nap())
        self._wake.clear()
        try:
            now = self.agent.look()
            self.agent.receive([*self._received(), *self._hanging()])
            self.agent.chores(now)
        except sqlite3.OperationalError as error:
            # A full disk passes; what is in memory and on disk stays there until it does.
            log.exception("the outbox could not be written", reason=str(error))
            self._stopping.wait(DISK_PAUSE_S)

    def _nap(self) -> float:
        chore = self.agent.next_chore() - self.agent.timekeeper.wall()
        return max(0.0, min(NAP_S, chore, self.agent.publisher.next_due()))

    def _received(self) -> list[Event]:
        events: list[Event] = []
        while True:
            try:
                events.append(self._inbox.get_nowait())
            except queue.Empty:
                return events

    def _hanging(self) -> list[Event]:
        """One word for each read that does not come back."""
        now = self.agent.clock.boot_time()
        found: list[Event] = []
        for bus in self.buses:
            busy = bus.busy
            if busy is None or now - busy[1] < HANGS_AFTER_S or busy in self._reported:
                continue
            self._reported.add(busy)
            log.error("a driver does not come back", sensor=busy[0], bus=bus.name)
            found.append(Taken(busy[0], now, (), "timeout", "the driver does not come back"))
        return found

    def _hand_over(self, event: Event) -> None:
        self._inbox.put(event)
        self._wake.set()

    def _threads(self, settings: AgentSettings) -> list[BusThread]:
        by_bus: dict[str, list[SensorRun]] = {}
        for sensor, run in zip(settings.sensors, self.agent.sampler.runs, strict=True):
            by_bus.setdefault(sensor.bus_name, []).append(run)
        return [BusThread(name, runs, self.agent, self._hand_over) for name, runs in by_bus.items()]

    def _end(self) -> None:
        for bus in self.buses:
            bus.end()
        until = time.monotonic() + JOIN_S
        for bus in self.buses:
            bus.join(max(0.0, until - time.monotonic()))
        self.agent.receive(self._received())
        # A thread that is still inside a driver keeps it; the end of the process takes both.
        self.agent.stop(close_sensors=False)
        log.info("agent stopped", batches=self.agent.batches_sealed)


def identity_for(settings: AgentSettings) -> Identity:
    """Who this gateway is; makes the key at the first start. Raises IdentityError."""
    key = settings.server_public_key
    return Identity(
        settings.gateway,
        settings.site,
        load_or_create_key(settings.data_dir / KEY_FILE),
        None if key is None else decode_public_key(key),
        hardware_serial(),
        former_keys(settings.data_dir),
    )


def outbox_of(settings: AgentSettings, identity: Identity) -> Outbox:
    """The outbox of this gateway, for a command beside the agent. Raises OutboxError while the agent runs."""
    return Outbox(settings.data_dir / OUTBOX_FILE, settings.gateway, serial=identity.serial)


def clock_for(settings: AgentSettings) -> Clock:
    """The machine's clock, or the rehearsal's."""
    if settings.clock is not None:
        return ScaledClock(ScaledTime.parse(settings.clock))
    return SystemClock(rtc_error_s=settings.rtc_error_s)
