"""What only a ledger on a server can suffer: a server that goes and comes, other processes, limits."""

import signal
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import psycopg
import pytest
import sqlalchemy as sa
from pydantic import SecretStr

from ingest_service import server_database
from ingest_service.ledger.port import Accepted, Ledger, LedgerError, Remark
from ingest_service.ledger.postgres import COMMITTING, MOST_FOLLOWED, open_server_ledger
from ingest_service.server_database import ADVISORY_CLASS
from ingest_service.shards import shard_of
from ingest_service.stores import open_ledger_of
from osh_domain.batch import genesis, text_hash
from tests.ingest_service.test_ledger import EPOCH, GATEWAY, refused, sealed
from tests.postgres import SERVICE, Postgres
from tests.servers import wait_for


@pytest.fixture
def ledger(postgres: Postgres) -> Iterator[Ledger]:
    opened = open_server_ledger(postgres.url)
    yield opened
    opened.close()


def of_site(site: str, seq: int) -> Accepted:
    gateway = f"{site}-a"
    payload = f"{gateway} {seq}".encode()
    prev = genesis(gateway, EPOCH) if seq == 1 else f"{gateway}-{seq - 1}"
    return Accepted(1000.0 + seq, "mqtt", site, gateway, "sealed", EPOCH, seq, f"{gateway}-{seq}", prev, True,
                    payload, text_hash(payload))  # fmt: skip


def test_it_stores_nothing_while_the_server_is_down_and_goes_on_by_itself(
    postgres: Postgres, ledger: Ledger
) -> None:
    ledger.append([sealed(1)])
    postgres.server.stop()
    for _ in range(3):
        with pytest.raises(LedgerError, match="cannot write the ledger in test_") as caught:
            ledger.append([sealed(2)])
        assert postgres.server.passwords[SERVICE] not in str(caught.value)
    with pytest.raises(LedgerError, match="cannot read"):
        ledger.standing(GATEWAY, EPOCH)
    postgres.server.start()
    assert [o.verdict for o in ledger.append([sealed(1), sealed(2)])] == ["duplicate", "new"]
    assert ledger.standing(GATEWAY, EPOCH) == (2, [], "hash-2")


def test_what_was_answered_is_there_after_the_server_was_cut_off_in_mid_work(postgres: Postgres) -> None:
    """A power cut is the server's business (fsync is off here); that we answer late enough is ours."""
    stored: list[int] = []
    stop = threading.Event()

    def append() -> None:
        ledger, seq = open_server_ledger(postgres.url), 1
        while not stop.is_set():
            try:
                ledger.append([sealed(seq)])
            except LedgerError:
                stop.wait(0.02)
                continue
            stored.append(seq)
            seq += 1
        ledger.close()

    thread = threading.Thread(target=append)
    thread.start()
    try:
        for how in (signal.SIGQUIT, signal.SIGINT, signal.SIGQUIT):
            before = len(stored)
            wait_for(lambda before=before: len(stored) > before + 20, what="appends")  # type: ignore[misc]
            postgres.server.stop(how)
            postgres.server.start()
        before = len(stored)
        wait_for(lambda: len(stored) > before + 5, what="appends after the server came back")
    finally:
        stop.set()
        thread.join()
    again = open_server_ledger(postgres.url)
    rows = again.rows(0, 1_000_000)
    assert [row.seq for row in rows] == [row.row for row in rows]
    assert set(stored) <= {row.seq for row in rows}
    assert list(again.broken_rows()) == []
    again.close()


def test_many_processes_make_one_chain_without_gap_or_double(postgres: Postgres) -> None:
    """Four of them are handed the same batches of six gateways, each in another order."""
    sites = [f"kh-f{number:04d}" for number in range(6)]
    with ExitStack() as owned:
        ledgers = [open_server_ledger(postgres.url) for _ in range(4)]
        for one in ledgers:
            owned.callback(one.close)

        def feed(number: int) -> None:
            turned = sites[number:] + sites[:number]
            for seq in range(1, 26):
                ledgers[number].append([of_site(site, seq) for site in turned])
                for site in turned:
                    assert ledgers[number].standing(f"{site}-a", EPOCH).cum >= seq

        threads = [threading.Thread(target=feed, args=(number,)) for number in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        rows = ledgers[0].rows(0, 1000)
        assert [row.row for row in rows] == list(range(1, 151))
        assert len({(row.gateway, row.seq) for row in rows}) == 150
        assert {row.chain_ok for row in rows} == {1}
        assert list(ledgers[0].broken_rows()) == []
        for one in ledgers:
            assert one.standing(f"{sites[3]}-a", EPOCH) == (25, [], f"{sites[3]}-a-25")


def test_a_reader_follows_what_others_store_row_by_row_and_in_bulk(
    postgres: Postgres, ledger: Ledger
) -> None:
    other = open_server_ledger(postgres.url)
    assert other.standing(GATEWAY, EPOCH).cum == 0
    ledger.append([sealed(1), sealed(3), refused(2, trusted=True)])
    assert other.standing(GATEWAY, EPOCH) == ledger.standing(GATEWAY, EPOCH) == (3, [], "hash-3")
    ledger.append([sealed(seq) for seq in range(4, MOST_FOLLOWED + 10)])
    assert other.standing(GATEWAY, EPOCH).cum == MOST_FOLLOWED + 9
    other.close()


def test_rows_come_by_shard_and_never_beyond_the_bytes_a_reader_can_bear(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    sites = [f"kh-f{number:04d}" for number in range(40)]
    ledger.append([of_site(site, 1) for site in sites])
    found = {shard: [row.site for row in ledger.rows(0, 100, shard)] for shard in range(16)}
    assert found == {shard: [s for s in sites if shard_of(s) == shard] for shard in range(16)}
    monkeypatch.setattr("ingest_service.ledger.postgres.MOST_BYTES", 40)
    assert [row.row for row in ledger.rows(0, 100)] == [1, 2, 3, 4]
    monkeypatch.setattr("ingest_service.ledger.postgres.MOST_BYTES", 1)
    assert [row.row for row in ledger.rows(5, 100)] == [6]


def test_a_lock_that_somebody_keeps_is_a_passing_trouble(
    postgres: Postgres, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server_database, "LOCK_S", 0.3)
    ledger = open_server_ledger(postgres.url)
    with psycopg.connect(postgres.url.replace("+psycopg", "")) as other:
        other.execute("SELECT pg_advisory_lock(%s, %s)", (ADVISORY_CLASS, COMMITTING))
        with pytest.raises(LedgerError, match="lock timeout"):
            ledger.append([sealed(1)])
    assert ledger.append([sealed(1)])[0].verdict == "new"
    ledger.close()


def test_a_process_that_stands_still_in_a_commit_loses_it_and_lets_others_commit(
    postgres: Postgres, ledger: Ledger
) -> None:
    stuck = sa.create_engine(postgres.url)
    with stuck.connect() as connection:
        connection.execute(sa.text("SET idle_in_transaction_session_timeout = 300"))
        connection.execute(
            sa.text("SELECT pg_advisory_xact_lock(:a, :b)"), {"a": ADVISORY_CLASS, "b": COMMITTING}
        )
        begun = time.monotonic()
        assert ledger.append([sealed(1)])[0].verdict == "new"
        assert time.monotonic() - begun < server_database.LOCK_S
        connection.invalidate()
    stuck.dispose()
    engine = server_database.open_server(postgres.url)
    with engine.connect() as own:
        assert own.scalar(sa.text("SHOW idle_in_transaction_session_timeout")) == "8s"
        assert own.scalar(sa.text("SHOW synchronous_commit")) == "on"
    engine.dispose()


def test_a_database_that_only_reads_is_a_passing_trouble(postgres: Postgres) -> None:
    with postgres.as_superuser() as connection:
        connection.execute(f"ALTER DATABASE {postgres.name} SET default_transaction_read_only = on".encode())
    ledger = open_server_ledger(postgres.url)
    with pytest.raises(LedgerError, match="read-only"):
        ledger.append([sealed(1)])
    assert ledger.last_row() == 0
    ledger.close()


def test_a_text_that_the_server_cannot_hold_stops_nothing(ledger: Ledger) -> None:
    remark = Remark("senml", "st1/ta", "unit 'K\0'")
    (outcome,) = ledger.append([sealed(1, remarks=(remark,))])
    assert outcome.verdict == "new"
    assert ledger.quarantine()[0].detail == r"unit 'K\x00'"


def test_a_wrong_password_is_told_without_the_password(postgres: Postgres, tmp_path: Path) -> None:
    wrong = SecretStr(postgres.server.url(SERVICE, postgres.name, "mistyped-secret"))
    with pytest.raises(LedgerError, match="password authentication failed") as caught:
        open_ledger_of(postgres.settings(tmp_path, database_url=wrong))
    told = f"{caught.value}{caught.value.__cause__}"
    assert "mistyped-secret" not in told
    assert postgres.name in told


@pytest.mark.parametrize(("version", "told"), [("0001_register", "older"), ("9999_later", "newer")])
def test_a_database_of_another_schema_is_refused(
    postgres: Postgres, tmp_path: Path, version: str, told: str
) -> None:
    with postgres.as_superuser() as connection:
        connection.execute("UPDATE alembic_version SET version_num = %s", (version,))
    with pytest.raises(LedgerError, match=f"{version}, {told} than"):
        open_ledger_of(postgres.settings(tmp_path))
