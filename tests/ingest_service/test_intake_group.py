"""Several intakes that share what gateways send: each word is answered once, and who goes is noticed."""

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from ingest_service.clock import clock_from
from ingest_service.heartbeat import beats_of, signs_of_life
from ingest_service.intake_group import IntakeGroup
from ingest_service.ledger.port import Ledger
from ingest_service.stores import open_database_of, open_ledger_of
from ingest_service.subscriber import Subscriber
from osh_domain.topics import BIRTH, DATA_LIVE, TIME_REQ, TIME_RES
from tests.ingest_service.gateways import SIGNED, Device, snapshot
from tests.ingest_service.test_subscriber import SERVER, Peer
from tests.postgres import Postgres
from tests.servers import Broker, wait_for


class Member:
    """One intake of the group, in a thread of the test, with stores of its own."""

    def __init__(self, broker: Broker, postgres: Postgres, folder: Path) -> None:
        settings = postgres.settings(folder, mqtt_port=broker.port)
        self._owned = ExitStack()
        self.engine = open_database_of(settings)
        self._owned.callback(self.engine.dispose)
        self.ledger: Ledger = open_ledger_of(settings)
        self._owned.callback(self.ledger.close)
        group = IntakeGroup(self.engine)
        self._owned.enter_context(group.kept())
        self.subscriber = Subscriber(
            settings,
            self.ledger,
            snapshot,
            SERVER,
            clock_from(settings),
            beats=beats_of(self.engine, folder),
            group=group,
        )
        self._owned.callback(self.subscriber.close)
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def _run(self) -> None:
        while not self._stop.is_set():
            self.subscriber.step()
            self._stop.wait(min(self.subscriber.pause_s, 0.1))

    @property
    def connected(self) -> bool:
        return self.subscriber._link.connected and not self.subscriber._link._asked

    def stop(self) -> None:
        self._stop.set()
        self._thread.join()
        self._owned.close()


@pytest.fixture
def join(broker: Broker, postgres: Postgres, tmp_path: Path) -> Iterator[Callable[[], Member]]:
    members: list[Member] = []

    def one() -> Member:
        members.append(Member(broker, postgres, tmp_path / str(len(members))))
        wait_for(lambda: members[-1].connected, what="the connection of the intake")
        return members[-1]

    yield one
    for member in members:
        member.stop()


def test_each_word_is_answered_once_and_every_batch_is_kept_whoever_heard_it(
    broker: Broker, join: Callable[[], Member]
) -> None:
    members = [join(), join(), join()]
    peer = Peer(broker.port)
    device = Device()
    birth = {"v": 1, "gw": SIGNED.id, "ep": device.epoch, "backlog": {"batches": 0}, "cfg": {"gw": SIGNED.id}}
    # Not kept by the broker: else an intake whose subscription is not there yet hears it then, too.
    peer.publish(BIRTH, json.dumps(birth).encode())
    wait_for(peer.acks, what="the acknowledgement of the birth")
    for number in range(5):
        peer.publish(TIME_REQ, json.dumps({"id": f"{number:016d}", "m0": 1.0}).encode())
    for _ in range(30):
        peer.publish(DATA_LIVE, device.batch())
    wait_for(lambda: peer.acks()[-1].cum == 30, what="the acknowledgement of everything")
    wait_for(lambda: len(peer.words(TIME_RES)) >= 5, what="the time")
    assert len(peer.words(TIME_RES)) == 5
    # Batches that overtook the first are acknowledged by ranges, so these also stand at 0.
    assert sum(ack.cum == 0 and not ack.sel for ack in peer.acks()) == 1
    assert members[0].ledger.last_row() == 30
    assert len({member.subscriber._taken for member in members} - {0}) >= 1
    assert sum(member.subscriber._taken for member in members) == 30
    assert list(members[0].ledger.broken_rows()) == []
    signs = signs_of_life(members[0].engine, Path("/nowhere"))
    assert {sign.runner for sign in signs} == {"intake"}
    peer.close()


def test_when_one_goes_the_others_speak_to_every_gateway_under_another_name(
    broker: Broker, join: Callable[[], Member]
) -> None:
    stays, goes = join(), join()
    peer = Peer(broker.port)
    device = Device()
    birth = {"v": 1, "gw": SIGNED.id, "ep": device.epoch, "backlog": {"batches": 0}, "cfg": {"gw": SIGNED.id}}
    peer.publish(BIRTH, json.dumps(birth).encode(), retain=True)
    wait_for(peer.acks, what="the acknowledgement of the birth")
    wait_for(lambda: len(stays.subscriber._group._leases.members) == 2, what="both knowing each other")  # type: ignore[union-attr]
    before = {ack.conn for ack in peer.acks()}
    goes._stop.set()
    goes._thread.join()
    goes.subscriber.close()
    goes._owned.close()  # an orderly end; a killed one is noticed when its time is over
    wait_for(lambda: {ack.conn for ack in peer.acks()} - before, what="another name for the group")
    peer.close()
