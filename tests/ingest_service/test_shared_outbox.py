"""Several processes deliver from one outbox: each notice goes out once, and one that a dead process had
begun goes out again."""

import threading
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from alert_rules.delivery import Delivery
from ingest_service.cases.outbox import INTERRUPTED, LIVING, NoticeOutbox
from ingest_service.cases.schema import ATTEMPTS, CASES, NOTICES
from ingest_service.leases import Leases
from ingest_service.stores import open_database_of
from tests.postgres import Postgres

NOW = 1_000_000.0


class Sent:
    """Takes a moment for each notice, as mail does."""

    def __init__(self) -> None:
        self.subjects: list[str] = []

    def send(self, _url: str, subject: str, _body: str) -> str:
        time.sleep(0.01)
        self.subjects.append(subject)
        return "taken"


@pytest.fixture
def engine(postgres: Postgres, tmp_path: Path) -> Iterator[sa.Engine]:
    """A database with forty notices that are due."""
    engine = open_database_of(postgres.settings(tmp_path))
    with engine.begin() as connection:
        case = {"key": "c", "site": "s", "hazard": "heat", "rule": "r", "pack": "p", "pack_version": "1",
                "state": "open", "severity": "danger", "opened_at": NOW, "event": {}}  # fmt: skip
        connection.execute(sa.insert(CASES).values(id=1, **case))
        row = {"case_id": 1, "kind": "opened", "person": "1", "name": "Dara", "language": "en", "body": "b",
               "created_at": NOW, "due_at": NOW, "state": "waiting", "contact_id": "9"}  # fmt: skip
        connection.execute(
            sa.insert(NOTICES), [{**row, "key": f"k{number}", "subject": f"{number}"} for number in range(40)]
        )
    yield engine
    engine.dispose()


class Reach:
    """The person's one contact."""

    id = "9"
    url = "json://nowhere"
    kind = "webhook"


def outbox(engine: sa.Engine, leases: Leases) -> NoticeOutbox:
    return NoticeOutbox(engine, lambda _: (Reach(),), holder=leases.holder)  # type: ignore[arg-type,return-value]


def test_four_at_once_send_each_notice_once(engine: sa.Engine) -> None:
    sent = Sent()

    def work(number: int) -> None:
        leases = Leases(engine, LIVING, holder=f"h{number}")
        leases.tick()
        delivery = Delivery(outbox(engine, leases), sent, lambda: NOW + 1.0)
        while delivery.pass_once():
            delivery.recover()

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert Counter(sent.subjects) == Counter(str(number) for number in range(40))
    with engine.connect() as connection:
        assert set(connection.execute(sa.select(NOTICES.c.state)).scalars()) == {"sent"}


def test_what_a_dead_process_had_begun_is_written_off_and_sent_by_another(engine: sa.Engine) -> None:
    dead, other = (Leases(engine, LIVING, holder=name, lease_s=30.0) for name in ("dead", "other"))
    dead.tick()
    other.tick()
    begun = outbox(engine, dead).begin(1, NOW + 1.0)
    assert begun is not None
    theirs = outbox(engine, other)
    assert theirs.begin(1, NOW + 1.0) is None
    assert 1 not in {one.id for one in theirs.due(NOW + 1.0, 100)}
    assert theirs.interrupted(NOW + 2.0) == 0  # it lives
    dead.leave()
    assert theirs.interrupted(NOW + 3.0) == 1
    again = theirs.begin(1, NOW + 3.0)
    assert again is not None
    # It was only stopped, and its message did not get through: others see to the notice now.
    outbox(engine, dead).failed(begun, NOW + 4.0, "refused", again_at=None, second=True)
    with engine.connect() as connection:
        query = sa.select(ATTEMPTS.c.outcome, ATTEMPTS.c.detail).order_by(ATTEMPTS.c.id)
        assert [tuple(row) for row in connection.execute(query)] == [("failed", INTERRUPTED), ("sending", "")]
        state = connection.execute(sa.select(NOTICES.c.state).where(NOTICES.c.id == 1)).scalar_one()
    assert state == "waiting"
