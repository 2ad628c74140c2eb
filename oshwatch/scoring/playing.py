"""Plays a scenario: simulated gateways and the real server step through simulated time as fast as it goes."""

import heapq
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from alert_rules.pack_model import Pack
from firmware_sim.description import describe
from firmware_sim.gateway import Delivery, SimGateway
from firmware_sim.scenario_files import Course
from firmware_sim.truth import TruthFile
from ingest_service.settings import Settings
from oshwatch.scoring.exchange import Exchange
from oshwatch.scoring.server import Server, StepClock

LOOK_EVERY_S = 60.0
LOOK_AFTER_S = 1.0  # a minute's batches are there so long after it; an agent waits 5 s for the time
PUMPS = 55
PUMP_S = 1.0
SETTLE_S = 600.0
# Nobody has an address: notices stay in the outbox, where they are counted.
ROLES = ("committee-worker", "committee-management", "engineer", "adviser", "authority")
FLEET_DIR, SERVER_DIR, TRUTH_FILE = "fleet", "server", "truth.jsonl"


@dataclass(frozen=True)
class Played:
    """What a run left behind, and how long it took in real time [s]."""

    course: Course
    folder: Path
    readings: int
    took_s: float


def play(
    course: Course,
    folder: Path,
    packs: Sequence[Pack],
    progress: Callable[[float], None] = lambda _: None,
    settings: Settings | None = None,
) -> Played:
    """Run a course in an empty folder; `progress` hears simulated time. Raises what the stores raise.

    `settings`: of a server whose stores are not the files of that folder; they have to be empty.
    """
    begun = time.monotonic()
    truth = TruthFile(folder / TRUTH_FILE)
    truth.run(course.scenario.name, course.fleet.seed, course.start)
    clock, exchange = StepClock(course.start), Exchange()
    settings = settings or Settings(data_dir=folder / SERVER_DIR)
    with Server(settings, site_description(course), packs, clock, exchange) as server:
        stage = _Stage(course, folder / FLEET_DIR, truth, server, clock, exchange)
        try:
            stage.run(progress)
        finally:
            stage.close()
    truth.close()
    return Played(course, folder, truth.readings, time.monotonic() - begun)


def site_description(course: Course) -> dict[str, Any]:
    """The register of a course: its factories, their people, and overtime that was announced."""
    document = describe(course.fleet, valid_from=course.start - 60.0, faults=course.faults)
    document["people"] = [
        {
            "login": f"{role}-{factory.site}",
            "name": f"{role} of {factory.site}",
            "role": role,
            "scope": f"{factory.country}/{factory.district}/{factory.site}",
            "language": "en",
            "contacts": [],
        }
        for factory in course.fleet.factories
        for role in ROLES
    ]
    return document


class _Stage:
    """The gateways of a course on the way through its time."""

    def __init__(
        self,
        course: Course,
        folder: Path,
        truth: TruthFile,
        server: Server,
        clock: StepClock,
        exchange: Exchange,
    ) -> None:
        self._course, self._server, self._clock = course, server, clock
        # Timers of delivery run by simulated time, and a second for each exchange of messages.
        self._delivery_s = course.start
        delivery = Delivery(server_key=server.public_key)
        self.gateways = [
            SimGateway(
                course.scenario.name,
                course.fleet,
                name,
                folder / name,
                delivery,
                course.faults,
                truth,
                course.start,
                course.start,
                new_link=exchange.link,
                monotonic=lambda: self._delivery_s,
            )
            for name in course.fleet.gateways
        ]

    def run(self, progress: Callable[[float], None]) -> None:
        due = [(gateway.next_due(), number) for number, gateway in enumerate(self.gateways)]
        heapq.heapify(due)
        look = self._course.start + LOOK_AFTER_S
        while look < self._course.end + LOOK_AFTER_S:
            while due and due[0][0] <= look:
                t, number = due[0]
                self._delivery_s = max(self._delivery_s, t)
                self.gateways[number].run_to(t)
                heapq.heapreplace(due, (self.gateways[number].next_due(), number))
            self._look(look)
            progress(look)
            look += LOOK_EVERY_S
        for gateway in self.gateways:
            gateway.seal()
        for number in range(1, int(SETTLE_S / LOOK_EVERY_S) + 1):
            self._look(self._course.end + number * LOOK_EVERY_S, judge=False)

    def close(self) -> None:
        for gateway in self.gateways:
            gateway.stop()
        for gateway in self.gateways:
            gateway.settle()

    def _look(self, t: float, *, judge: bool = True) -> None:
        """Exchange messages, a second for each round, until nobody has any more; then the server looks."""
        self._clock.t = t
        self._delivery_s = max(self._delivery_s, t)
        # All clocks show one instant, or a gateway that asks for the time would be told another.
        for gateway in self.gateways if judge else ():
            gateway.run_to(t)
        for _ in range(PUMPS):
            if not self._server.take() and not any(gateway.waits for gateway in self.gateways):
                break
            self._delivery_s += PUMP_S
            for gateway in self.gateways:
                gateway.poll()
        if judge:
            self._server.look()
