"""One simulated gateway: the real agent, its outbox and publisher, on a clock, a cable and a power supply."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from math import inf
from pathlib import Path

from edge_agent.agent import Agent
from edge_agent.buses import NoBus
from edge_agent.clock import SimClock, Sync
from edge_agent.identity import GatewaySigner, Identity
from edge_agent.mqtt_link import Broker, Link, PahoLink
from edge_agent.outbox.disk import EndlessDisk
from edge_agent.settings import AgentSettings, Calibration, ChannelSettings, SensorSettings
from edge_agent.settings_file import checked
from firmware_sim.cable import Cable
from firmware_sim.faults import Fault, FaultKind
from firmware_sim.fleet import Fleet, SensorPlan
from firmware_sim.simulated import options_of
from firmware_sim.troubled import Troubled
from firmware_sim.truth import TruthFile

HEARTBEAT_S = 300.0
KEEP_DONE_DAYS = 1.0
REPEATED_BATCHES = 3
TICK_S = 0.001
UNCALIBRATED = 1 / 6
KEPT, LOST = Sync("ntp", 0.01), Sync("none", None)
_CLOCK = frozenset({FaultKind.CLOCK_SKEW, FaultKind.CLOCK_LOST})
RECONNECT_LONGEST_S = 2.0  # a fleet beside its server need not spare it


@dataclass(frozen=True)
class Delivery:
    """Where the fleet delivers, and whose word it believes. A gateway without password does not sign in."""

    host: str = "127.0.0.1"
    port: int = 1883
    passwords: Mapping[str, str] = field(default_factory=dict, repr=False)
    server_key: bytes | None = None
    ca_file: str | None = None


class SimGateway:
    """Steps one agent through true time and lets its faults happen. Not thread-safe."""

    def __init__(
        self,
        fleet_name: str,
        fleet: Fleet,
        gateway: str,
        folder: Path,
        delivery: Delivery,
        faults: Sequence[Fault],
        truth: TruthFile,
        start: float,
        begun: float,
        *,
        new_link: Callable[[str], Link] | None = None,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        """It has power at `start` unless a fault says otherwise; the whole run began at `begun`. `new_link`
        makes a connection that is not to be MQTT; timers of delivery run by `monotonic`."""
        self._new_link, self._monotonic = new_link or self._mqtt, monotonic
        self.gateway = gateway
        self._fleet_name, self._fleet, self._folder = fleet_name, fleet, folder
        self._delivery, self._truth, self._begun = delivery, truth, begun
        self._faults = [fault for fault in faults if fault.gateway == gateway]
        self._edges = sorted(
            (edge for fault in self._faults for edge in _edges(fault) if edge[0] >= start),
            key=lambda edge: edge[:2],
        )
        self.repeated = 0
        self._owes_repeat = False
        self._soonest = start
        self._agent: Agent | None = None
        self._clock = SimClock(start)
        self._true_clock = SimClock(start)
        self._cable = self._new_cable()
        self._old_cables: list[Cable] = []
        self._begin_in_the_middle(start)

    def next_due(self) -> float:
        """The next true instant at which something is to be done."""
        edge = self._edges[0][0] if self._edges else inf
        if self._agent is None:
            return edge
        # A clock that was set ahead makes an agent late by its own reckoning: due now, never in the past.
        return min(edge, max(self._agent.next_due() - self._clock.skew_s, self._soonest))

    def run_to(self, t: float) -> None:
        """Do what is due at true time `t`: faults that begin or end, then a step of the agent."""
        self._true_clock.set(t)
        self._soonest = t + TICK_S
        if self._agent is not None:
            self._clock.set(t)
        while self._edges and self._edges[0][0] <= t:
            _, _, what, fault = self._edges.pop(0)
            self._truth.fault(fault, what)
            self._happen(fault, begins=what == "begin")
        if self._agent is not None:
            self._agent.step()
            if self._active(FaultKind.REPEATS, t):
                self._repeat(self._agent)

    def poll(self) -> None:
        """Take what the server says and send what may be sent, at the present instant."""
        if self._agent is not None:
            self._agent.publisher.step()
            if self._owes_repeat:
                self._repeat(self._agent)

    def unacknowledged(self) -> int:
        """Batches of this boot that the server has not confirmed; 0 while nothing can be delivered."""
        if self._agent is None or not self._cable.plugged:
            return 0
        return self._agent.batches_sealed - self._agent.publisher.counters.acknowledged

    def seal(self) -> None:
        """Close the open batch, so that it can still be delivered before `stop`."""
        if self._agent is not None:
            self._agent.seal("stop")
            self._agent.publisher.step()

    @property
    def waits(self) -> bool:
        """Whether something is on its way to a server that is there."""
        publisher = None if self._agent is None else self._agent.publisher
        return publisher is not None and publisher.connected and publisher.in_flight > 0

    def stop(self) -> None:
        """Leave in good order."""
        if self._agent is not None:
            self._agent.stop(patience_s=0.0)
            self._agent = None

    def settle(self) -> None:
        """Wait until its connections, also those that faults ended, are gone."""
        for cable in self._old_cables:
            cable.settle()
        self._cable.settle()

    # -- faults -----------------------------------------------------------------------------------------

    def _happen(self, fault: Fault, *, begins: bool) -> None:
        if fault.kind is FaultKind.POWER_CUT:
            if begins:
                self._lose_power()
            else:
                self._boot()
        elif fault.kind is FaultKind.REPEATS and begins:
            # A run that is late may pass the whole fault before an acknowledgement is heard; it repeats then.
            self._owes_repeat = True
        elif fault.kind in _CLOCK:
            self._set_clock(fault if begins else None)
        elif fault.kind is FaultKind.SILENCE and fault.target == self.gateway:
            if begins:
                self._cable.unplug()
            elif self._agent is not None:
                self._cable.plug()
            else:
                self._cable.plugged = True

    def _set_clock(self, fault: Fault | None) -> None:
        """Only a gateway that lost its clock knows that it is not to be believed."""
        self._clock.skew_s = fault.by_s if fault else 0.0
        lost = fault is not None and fault.kind is FaultKind.CLOCK_LOST
        self._clock.sync_state = LOST if lost else KEPT

    def _active(self, kind: FaultKind, t: float) -> Fault | None:
        for fault in self._faults:
            if fault.kind is kind and fault.target == self.gateway and fault.active(t):
                return fault
        return None

    def _begin_in_the_middle(self, start: float) -> None:
        """A run that goes on after a stop finds its gateways as the faults in force have left them."""
        self._set_clock(next((f for f in self._faults if f.kind in _CLOCK and f.active(start)), None))
        self._cable.plugged = self._active(FaultKind.SILENCE, start) is None
        if self._active(FaultKind.POWER_CUT, start) is None:
            self._boot(resumed=True)

    def _lose_power(self) -> None:
        if self._agent is not None:
            self._agent.cut()
            self._agent = None

    def _boot(self, *, resumed: bool = False) -> None:
        """Power is there. A resumed run writes no gap: its world stood still meanwhile."""
        t = self._true_clock.wall()
        boot_id = sha256(f"{self.gateway}:{t!r}".encode()).hexdigest()[:16]
        before = self._clock
        self._clock = SimClock(t, booted_at=t, boot_id=boot_id, skew_s=before.skew_s, sync=before.sync_state)
        plugged = self._cable.plugged
        self._old_cables.append(self._cable)
        self._cable = self._new_cable()
        self._cable.plugged = plugged
        self._agent = self._build()
        self._agent.start(note_gap=not resumed)

    def _repeat(self, agent: Agent) -> None:
        """Batches that the server has confirmed go out once more, byte for byte."""
        head = agent.outbox.head().seq
        if head:
            first = max(1, head - REPEATED_BATCHES + 1)
            again = agent.outbox.send_again(agent.outbox.epoch, first, head)
            self.repeated += again
            self._owes_repeat = self._owes_repeat and again == 0
            agent.publisher.batch_sealed()
            agent.publisher.step()

    # -- building ---------------------------------------------------------------------------------------

    def _new_cable(self) -> Cable:
        return Cable(self.gateway, lambda: self._new_link(self.gateway))

    def _mqtt(self, client_id: str) -> Link:
        to, password = self._delivery, self._delivery.passwords.get(self.gateway)
        name = self.gateway if password is not None else None
        broker = Broker(to.host, to.port, name, password, to.ca_file, reconnect_longest_s=RECONNECT_LONGEST_S)
        return PahoLink(client_id, broker)

    def _build(self) -> Agent:
        plans = self._fleet.sensors_of(self.gateway)
        settings = AgentSettings(
            gateway=self.gateway,
            site=self._fleet.site_of[self.gateway],
            data_dir=self._folder,
            seal_grace_s=0.0,
            heartbeat_s=HEARTBEAT_S,
            keep_done_days=KEEP_DONE_DAYS,
            sensors=tuple(self._sensor_settings(plan) for plan in plans),
        )
        signer = GatewaySigner.from_bytes(self._fleet.private_key(self.gateway))
        identity = Identity(
            self.gateway, settings.site, signer, self._delivery.server_key, serial=f"sim-{self.gateway}"
        )
        self._folder.mkdir(parents=True, exist_ok=True)
        return Agent.build(
            checked(settings),
            self._clock,
            identity,
            drivers={plan.sensor: self._driver(plan) for plan in plans},
            link=self._cable,
            disk=EndlessDisk(),
            monotonic=self._monotonic,
        )

    def _sensor_settings(self, plan: SensorPlan) -> SensorSettings:
        calibration = calibration_of(self._fleet, plan, self._begun)
        return SensorSettings(
            id=plan.sensor,
            driver=Troubled.kind,
            period_s=plan.period_s,
            channels=tuple(
                ChannelSettings(quantity=measure.quantity, cal=calibration)
                for measure in plan.instrument.measures
            ),
        )

    def _shown_time(self) -> float:
        """What the gateway takes the time to be: its clock, or what the server told it."""
        return self._clock.wall() if self._agent is None else self._agent.timekeeper.wall()

    def _driver(self, plan: SensorPlan) -> Troubled:
        return Troubled(
            options_of(self._fleet_name, self._fleet, plan),
            NoBus(),
            self._shown_time,
            true_clock=self._true_clock,
            faults=self._faults,
            truth=self._truth,
            fleet=self._fleet,
        )


def calibration_of(fleet: Fleet, plan: SensorPlan, begun: float) -> Calibration | None:
    """The calibration of a device, some weeks or months old when the run began; one in six has none."""
    seeded = fleet.device(plan.gateway, plan.sensor).child("calibration")
    if seeded.uniform(0) < UNCALIBRATED:
        return None
    date = datetime.fromtimestamp(begun, UTC).date() - timedelta(days=round(seeded.between(20, 200, 1)))
    return Calibration(
        id=f"sim-{plan.gateway}-{plan.sensor}-{date:%y%m}",
        date=date,
        due=date + timedelta(days=365),
        by="Simulated laboratory",
    )


def _edges(fault: Fault) -> list[tuple[float, int, str, Fault]]:
    """(instant, order, begin or end, fault): what ends at an instant ends before anything begins there."""
    return [(fault.begin, 1, "begin", fault), (fault.end, 0, "end", fault)]
