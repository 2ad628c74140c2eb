"""Runs a fleet through its time: every gateway in one process, at any speed, each nominal instant sampled.

True time is a plain number that goes from instant to instant; `pace` only says how far it may go by now. So a
run that falls behind catches up without leaving anything out, and its truth does not depend on the speed.
"""

import heapq
import json
import threading
import time
from collections.abc import Sequence
from math import inf

import structlog

from firmware_sim.faults import HAPPENING, Fault, happenings, resolve
from firmware_sim.gateway import Delivery, SimGateway
from firmware_sim.progress import STATE_FILE, FleetError, Plan, progress, signature
from firmware_sim.simulated import shared_fleet
from firmware_sim.truth import TruthFile
from osh_domain.scaled_time import ScaledTime

POLL_S = 0.05
SAVE_EVERY_S = 1.0
LAST_WORDS_S = 3.0
# paho waits with select(), which ends at 1,024 descriptors; a gateway takes up to six.
MOST_GATEWAYS = 150
# At full speed the fleet waits for the server when so many batches of a gateway are unconfirmed.
MOST_UNACKNOWLEDGED = 64
_RESUME_AFTER_S = 0.001
log = structlog.get_logger(__name__)


class FleetRunner:
    """One run of a fleet, from `open()` to `close()`. Not thread-safe; `run` may be stopped by its event."""

    def __init__(self, plan: Plan, delivery: Delivery, start: float) -> None:
        """`start` is where a new run begins; one that is found in the folder goes on where it was.

        Raises FleetError and FaultError.
        """
        self.plan = plan
        self.fleet = shared_fleet(plan.fleet, plan.seed, plan.period_s)
        names = self.fleet.gateways[plan.part[0] - 1 :: plan.part[1]]
        if len(names) > MOST_GATEWAYS:
            pieces = -(-len(self.fleet.gateways) // MOST_GATEWAYS)
            raise FleetError(
                f"{len(names)} gateways are too many for one process (at most {MOST_GATEWAYS}). "
                f"Run {pieces} processes with --part 1/{pieces} to --part {pieces}/{pieces}."
            )
        before = progress(plan)
        self.start = start if before is None else before.start
        faults = resolve(plan.faults, self.fleet, self.start)
        self.fleet = self.fleet.with_events(happenings(faults))
        # What was done at the last instant is not done again.
        self.now = start if before is None else before.until + _RESUME_AFTER_S
        plan.folder.mkdir(parents=True, exist_ok=True)
        self.truth = TruthFile(plan.truth)
        self.truth.run(plan.fleet, plan.seed, self.now)
        self._told = list(_happening_edges(faults, self.now))
        self._confirmed = delivery.server_key is not None
        self._saved_at = -inf
        self.gateways = [
            SimGateway(
                plan.fleet,
                self.fleet,
                name,
                plan.folder / name,
                delivery,
                faults,
                self.truth,
                self.now,
                self.start,
            )
            for name in names
        ]
        self._due = [(gateway.next_due(), number) for number, gateway in enumerate(self.gateways)]
        heapq.heapify(self._due)
        self._save()

    def run(self, stop: threading.Event, *, until: float = inf, pace: ScaledTime | None = None) -> None:
        """Go on until the event is set or true time `until` is reached. No pace: as fast as it goes."""
        polled = 0.0
        while not stop.is_set() and self._due and self._due[0][0] < until:
            real = time.monotonic()
            if real - polled >= POLL_S:
                polled = real
                self.poll()
            t = self._due[0][0]
            ahead_s = 0.0 if pace is None else pace.wall_of(t) - time.time()
            if ahead_s > 0.0:
                stop.wait(min(POLL_S, ahead_s))
            elif pace is None and self._server_is_behind():
                self.poll()
                stop.wait(0.005)
            else:
                self._step()
        self.truth.flush()

    def poll(self) -> None:
        """Let every gateway hear and send; save where the run is about once a second."""
        for gateway in self.gateways:
            gateway.poll()
        if time.monotonic() - self._saved_at >= SAVE_EVERY_S:
            self._save()

    def close(self, patience_s: float = LAST_WORDS_S) -> None:
        """Seal what is open, wait a little for the server's last words, leave in good order."""
        for gateway in self.gateways:
            gateway.seal()
        deadline = time.monotonic() + patience_s
        while time.monotonic() < deadline and any(gateway.waits for gateway in self.gateways):
            for gateway in self.gateways:
                gateway.poll()
            time.sleep(0.01)
        for gateway in self.gateways:
            gateway.stop()
        for gateway in self.gateways:
            gateway.settle()
        self._save()
        self.truth.close()

    def _step(self) -> None:
        t, number = self._due[0]
        gateway = self.gateways[number]
        while self._told and self._told[0][0] <= t:
            _, fault, what = self._told.pop(0)
            self.truth.fault(fault, what)
        gateway.run_to(t)
        self.now = t
        heapq.heapreplace(self._due, (gateway.next_due(), number))

    def _server_is_behind(self) -> bool:
        return self._confirmed and any(
            gateway.unacknowledged() > MOST_UNACKNOWLEDGED for gateway in self.gateways
        )

    def _save(self) -> None:
        self._saved_at = time.monotonic()
        self.truth.flush()
        held = {"run": signature(self.plan), "start": self.start, "until": self.now}
        draft = self.plan.folder / (STATE_FILE + ".new")
        draft.write_text(json.dumps(held), "utf-8")
        draft.replace(self.plan.folder / STATE_FILE)


def _happening_edges(faults: Sequence[Fault], since: float) -> list[tuple[float, Fault, str]]:
    """What the world does by itself, for the truth; gateways tell of their own faults."""
    edges = [(t, fault, what) for fault in faults for t, what in ((fault.begin, "begin"), (fault.end, "end"))]
    return sorted(
        (edge for edge in edges if edge[1].kind.value in HAPPENING and edge[0] >= since),
        key=lambda edge: (edge[0], edge[1].target, edge[2]),
    )
