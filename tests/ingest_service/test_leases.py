"""Leases in a real database: shared, renewed, given up, taken over; and the fence that stops who was away."""

import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from ingest_service.cases.schema import RUNNER_CURSORS
from ingest_service.cases.writing import upsert
from ingest_service.database import migrate, open_database, write
from ingest_service.lease_schema import LEASES
from ingest_service.leases import Fence, LeaseLostError, Leases, unheld
from ingest_service.stores import open_database_of
from tests.postgres import Postgres
from tests.servers import wait_for


@pytest.fixture(params=["sqlite", "postgresql"])
def engine(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[sa.Engine]:
    """The same on both databases."""
    if request.param == "sqlite":
        engine = open_database(tmp_path)
        migrate(engine)
    else:
        postgres: Postgres = request.getfixturevalue("postgres")
        engine = open_database_of(postgres.settings(tmp_path))
    yield engine
    engine.dispose()


@pytest.fixture
def make(engine: sa.Engine) -> Callable[..., Leases]:
    def leases(holder: str, lease_s: float = 10.0) -> Leases:
        return Leases(engine, "alerts", holder=holder, lease_s=lease_s)

    return leases


def test_two_share_and_an_orderly_end_hands_over_at_once(
    engine: sa.Engine, make: Callable[..., Leases]
) -> None:
    first, second = make("first"), make("second")
    first.tick()
    assert sorted(first.held()) == list(range(16))
    assert unheld(engine, "alerts") == []
    second.tick()
    first.tick()
    assert (second.held(), first.surplus) == ({}, tuple(range(8, 16)))
    for shard in first.surplus:
        first.give_up(shard)
    second.tick()
    assert (sorted(first.held()), sorted(second.held())) == (list(range(8)), list(range(8, 16)))
    first.leave()
    assert unheld(engine, "alerts") == list(range(8))
    second.tick()
    assert sorted(second.held()) == list(range(16))
    assert second.members == {"second"}


def test_who_was_away_longer_than_its_lease_can_not_write_any_more(
    engine: sa.Engine, make: Callable[..., Leases]
) -> None:
    away, other = make("away", lease_s=0.3), make("other")
    away.tick()
    lease = away.held()[3]
    fence = away.fence(lease)
    with write(engine) as connection:
        fence(connection)
    wait_for(lambda: _looks(other) == 16, what="the leases of who is away")
    assert other.held()[3].term == lease.term + 1
    with pytest.raises(LeaseLostError):
        _write_then_check(engine, fence)
    with engine.connect() as connection:
        assert connection.execute(sa.select(RUNNER_CURSORS)).all() == []
    assert away.held() == {}  # by its own clock already
    away.tick()
    assert away.held() == {}


def test_who_lost_a_shard_and_took_it_again_knows_that_it_was_away(
    engine: sa.Engine, make: Callable[..., Leases]
) -> None:
    one, other = make("one"), make("other")
    one.tick()
    before = one.held()[5]
    one.give_up(5)
    other.tick()
    assert 5 in other.held()
    other.leave()
    one.tick()
    assert one.held()[5].term == before.term + 2
    with pytest.raises(LeaseLostError), write(engine) as connection:
        one.fence(before)(connection)


def test_a_database_that_is_not_to_be_reached_ends_the_work_not_the_process(engine: sa.Engine) -> None:
    now = [0.0]
    leases = Leases(engine, "alerts", monotonic=lambda: now[0])
    leases.tick()
    now[0] = 9.0
    assert len(leases.held()) == 16
    now[0] = 11.0
    assert leases.held() == {}


def test_a_process_that_hangs_gives_its_shards_up(engine: sa.Engine, make: Callable[..., Leases]) -> None:
    now = [0.0]
    hanging = Leases(engine, "alerts", holder="hanging", lease_s=0.2, monotonic=lambda: now[0])
    hanging.tick()
    now[0] = 121.0  # its thread of leases lives, its work does not come round
    hanging.tick()
    other = make("other")
    wait_for(lambda: _looks(other) == 16, what="what the hanging one had")


def test_a_transaction_that_runs_keeps_its_shard_until_it_is_over(postgres: Postgres, tmp_path: Path) -> None:
    """On PostgreSQL: nobody takes a shard in the middle of a commit, however long ago the lease ran out."""
    engine = open_database_of(postgres.settings(tmp_path))
    slow = Leases(engine, "alerts", holder="slow", lease_s=0.3)
    other = Leases(engine, "alerts", holder="other")
    slow.tick()
    fence = slow.fence(slow.held()[7])
    with write(engine) as connection:
        fence(connection)
        slow.tick()  # is not held up by its own transaction
        wait_for(lambda: _looks(other) == 15, what="all but the locked shard")
        assert 7 not in other.held()
        upsert(connection, RUNNER_CURSORS, [{"name": "x", "value": 1}])
    other.tick()
    assert len(other.held()) == 16
    with pytest.raises(LeaseLostError), write(engine) as connection:
        fence(connection)
    engine.dispose()


def test_many_that_start_together_share_it_within_seconds(postgres: Postgres, tmp_path: Path) -> None:
    engine = open_database_of(postgres.settings(tmp_path))
    every = [Leases(engine, "projector", holder=f"h{number}") for number in range(5)]
    stop = threading.Event()

    def work(leases: Leases) -> None:
        while not stop.wait(0.05):
            leases.tick()
            for shard in leases.surplus:
                leases.give_up(shard)
            leases.held()

    threads = [threading.Thread(target=work, args=(leases,)) for leases in every]
    for thread in threads:
        thread.start()
    try:
        wait_for(lambda: sorted(len(one.held()) for one in every) == [3, 3, 3, 3, 4], what="fair shares")
        begun = time.monotonic()
        terms = _terms(engine)
        wait_for(lambda: time.monotonic() - begun > 0.5, what="half a second")
        assert _terms(engine) == terms  # nothing moves any more
    finally:
        stop.set()
        for thread in threads:
            thread.join()
        engine.dispose()


def _looks(leases: Leases) -> int:
    """How many shards it has after another look."""
    leases.tick()
    return len(leases.held())


def _write_then_check(engine: sa.Engine, fence: Fence) -> None:
    with write(engine) as connection:
        upsert(connection, RUNNER_CURSORS, [{"name": "x", "value": 1}])
        fence(connection)


def _terms(engine: sa.Engine) -> list[tuple[int, int]]:
    with engine.connect() as connection:
        query = sa.select(LEASES.c.shard, LEASES.c.term).order_by(LEASES.c.shard)
        return [(shard, term) for shard, term in connection.execute(query)]
