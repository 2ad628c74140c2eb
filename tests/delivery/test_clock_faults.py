"""Clocks that are wrong, jump, or are set late or never: every reading is kept once, and none gets a time
that nobody vouches for."""

from __future__ import annotations

import itertools
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from edge_agent.agent import Agent
from edge_agent.clock import SimClock, Sync
from edge_agent.driver import Sample
from ingest_service.projection import Projector
from ingest_service.series.sqlite import open_series
from tests.delivery.real_server import RealServer
from tests.edge_agent.scripted import GATEWAY, T0, Scripted, agent_for, delivered, pump
from tests.ingest_service.gateways import snapshot
from tests.servers import Broker

YEAR_S, HOUR_S = 365 * 86_400.0, 3600.0
SYNCED, NEVER_SET = Sync("ntp", 0.01), Sync("none", None)
FIRST = 500.0


class TrueTime:
    """The server's clock: the true time of the simulated machine."""

    rate = 1.0

    def __init__(self, clock: SimClock) -> None:
        self._clock = clock

    def now(self) -> float:
        return self._clock.booted_at + self._clock.boot_time()


class Field:
    """One gateway and one server in one true time; a reading every 10 s, numbered."""

    def __init__(self, tmp_path: Path, broker: Broker) -> None:
        self._folder, self._broker = tmp_path, broker
        self._numbers = itertools.count(int(FIRST))
        self.taken: dict[float, float] = {}  # value -> true time

    def boot(
        self, t: float, *, skew_s: float = 0.0, sync: Sync = SYNCED, time_exchange: str = "auto"
    ) -> Agent:
        self.clock = SimClock(t, booted_at=t - 10, skew_s=skew_s, sync=sync)
        sensor = Scripted(self._read)
        sensor.channels = (sensor.channels[0]._replace(quantity="co2", unit="ppm", low=0.0, high=9e4),)
        settings = [{"id": "st1", "driver": "scripted", "period_s": 10}]
        self.agent = agent_for(
            self._folder / "gw",
            self._broker.port,
            self.clock,
            {"st1": sensor},
            sensors=settings,
            time_exchange=time_exchange,
        )
        self.agent.start()
        return self.agent

    def server(self) -> RealServer:
        return RealServer(self._folder / "server", self._broker, TrueTime(self.clock))

    def _read(self) -> list[Sample]:
        value = float(next(self._numbers))
        self.taken[value] = self.clock.booted_at + self.clock.boot_time()
        return [Sample("co2", value)]

    def measure(self, seconds: float) -> None:
        """Without talking to anybody."""
        for _ in range(int(seconds / 10)):
            t = self.clock.booted_at + self.clock.boot_time()
            self.clock.set(t // 10 * 10 + 10)
            now = self.agent.look()
            self.agent.sample_due(now)
            self.agent.seal_due(now)

    def deliver(self) -> None:
        self.agent.seal("flush")
        pump(self.agent, lambda: delivered(self.agent))

    def series(self, server: RealServer) -> dict[float, float]:
        """What a projector makes of the ledger: value -> time; a value that is there twice fails."""
        folder = self._folder / "series"
        folder.mkdir(exist_ok=True)
        store = open_series(folder)
        projector = Projector(server.ledger, store, snapshot)
        while projector.step(100):
            pass
        store.close()
        with sqlite3.connect(folder / "series.sqlite") as connection:
            found = connection.execute(
                "SELECT value, time_us / 1e6 FROM points JOIN channels ON channels.id = points.channel"
                " WHERE quantity = 'co2'"
            ).fetchall()
        connection.close()
        assert len(found) == len({value for value, _ in found})
        return dict(found)

    def all_in_the_ledger_once(self, server: RealServer) -> None:
        values = [r.value for r in server.records() if r.name.endswith("/co2")]
        assert sorted(float(str(value)) for value in values) == sorted(self.taken)
        rows = server.ledger.rows(0, 1000)
        epoch = self.agent.outbox.epoch
        assert server.ledger.standing(GATEWAY, epoch).cum == self.agent.outbox.head().seq == len(rows)
        assert list(server.ledger.broken_rows()) == []

    def agrees(self, found: dict[float, float], within_s: float) -> bool:
        return all(abs(time - self.taken[value]) <= within_s for value, time in found.items())


@pytest.fixture
def field(tmp_path: Path, broker: Broker) -> Iterator[Field]:
    made = Field(tmp_path, broker)
    yield made
    made.agent.stop(0.2)


def test_a_machine_that_wakes_in_1970_gets_true_times_for_all_it_measured_since(field: Field) -> None:
    agent = field.boot(T0, skew_s=-T0, sync=NEVER_SET)
    field.measure(300)
    with field.server() as server:
        field.deliver()
        # The server's time comes in its own message, perhaps after the acknowledgement of everything.
        pump(agent, lambda: agent.timekeeper.look().clk == "srv")
        field.measure(120)
        field.deliver()
        field.all_in_the_ledger_once(server)
        found = field.series(server)
        assert found.keys() == field.taken.keys()
        assert field.agrees(found, within_s=1.0)


def test_an_anchor_that_comes_after_the_backlog_still_dates_it(field: Field) -> None:
    agent = field.boot(T0, skew_s=-T0, sync=NEVER_SET, time_exchange="never")
    field.measure(300)
    with field.server() as server:
        field.deliver()
        assert field.series(server) == {}, "numbers at unknown times are no exposures"
        agent.publisher._time_exchange_mode = "always"
        pump(agent, lambda: agent.timekeeper.look().clk == "srv", what="the anchor")
        field.measure(60)
        field.deliver()
        field.all_in_the_ledger_once(server)
        found = field.series(server)
        assert found.keys() == field.taken.keys()
        assert field.agrees(found, within_s=1.0)


def test_a_boot_without_any_anchor_stays_out_of_the_series_and_in_the_ledger(field: Field) -> None:
    field.boot(T0, skew_s=-T0, sync=NEVER_SET, time_exchange="never")
    field.measure(300)
    with field.server() as server:
        field.deliver()
        field.all_in_the_ledger_once(server)
        assert field.series(server) == {}
        assert {row.batch_hash for row in server.ledger.rows(0, 99)}
    remembered = field.agent.timekeeper.wall()
    field.agent.stop(0.2)
    field.boot(T0 + 600, skew_s=-T0 - 600, sync=NEVER_SET, time_exchange="never")
    assert field.agent.timekeeper.wall() >= remembered, "time never goes back behind what was written down"


def test_a_clock_that_jumps_a_year_ahead_in_mid_batch_dates_nothing_into_the_future(field: Field) -> None:
    field.boot(T0)
    field.measure(150)
    before = set(field.taken)
    field.clock.skew_s = YEAR_S
    field.measure(60)
    ahead = set(field.taken) - before
    field.clock.skew_s = 0.0
    field.measure(90)
    with field.server() as server:
        field.deliver()
        field.all_in_the_ledger_once(server)
        found = field.series(server)
        assert found.keys() == field.taken.keys() - ahead
        assert field.agrees(found, within_s=1.0)


def test_a_clock_that_falls_back_an_hour_in_mid_batch_doubles_and_hides_nothing(field: Field) -> None:
    field.boot(T0)
    field.measure(HOUR_S / 2)
    field.clock.skew_s = -HOUR_S / 4
    field.measure(HOUR_S / 4)
    field.clock.skew_s = 0.0
    field.measure(60)
    with field.server() as server:
        field.deliver()
        field.all_in_the_ledger_once(server)
        # The same instants come twice; number and order of the batches keep the points apart.
        assert field.series(server).keys() == field.taken.keys()
