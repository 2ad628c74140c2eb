"""A row that a projector of one shard cannot digest, with PostgreSQL: no other shard notices."""

from __future__ import annotations

import signal
from pathlib import Path

from ingest_service.checking import Arrival
from ingest_service.intake import Intake
from ingest_service.ledger.port import Ledger
from ingest_service.projection import CURSOR
from ingest_service.quarantine import Quarantine
from ingest_service.register.entries import Gateway, Site
from ingest_service.register.snapshot import RegisterSnapshot
from ingest_service.series.sqlite import open_series
from ingest_service.set_aside import SetAside
from ingest_service.settings import Settings
from ingest_service.shards import shard_of
from ingest_service.stores import open_ledger_of
from ingest_service.trials import MOST_TRIES
from osh_domain.readings import Channel, Reading
from osh_domain.topics import topic
from tests.forked import in_a_process
from tests.ingest_service import failing_projector
from tests.ingest_service.gateways import KEY, NOW, SIGNED, SITE, Device
from tests.postgres import Postgres

OTHER_SITE = Site("kh-f0124", "Shoe factory", "kh", "phnom-penh", "Asia/Phnom_Penh", "shoes", None, None)
OTHER = Gateway("kh-f0124-x", OTHER_SITE.id, "foreign", 0.0, None)
BAD, BAD_ROW = "0" * 32, 3
HERE, THERE = shard_of(SITE.id), shard_of(OTHER_SITE.id)


def known() -> RegisterSnapshot:
    return RegisterSnapshot(sites=[SITE, OTHER_SITE], gateways=[SIGNED, OTHER], keys=[KEY])


def taken_in(ledger: Ledger) -> None:
    """Three batches of each of two sites, by turns; the third row is the bad one."""
    here = Device()
    for number in range(3):
        here.cfg = BAD if number == 1 else Device().cfg
        frame = here.batch(Reading(Channel(SIGNED.id, "st1", "ta"), NOW + number, 20.0 + number, "Cel", 0))
        pack = f'[{{"n":"hall/ta","u":"Cel","t":{NOW + number},"v":{30 + number}}}]'.encode()
        arrivals = [
            Arrival(frame, NOW + number, topic=topic(SITE.id, SIGNED.id, "data/live")),
            Arrival(pack, NOW + number, topic=topic(OTHER_SITE.id, OTHER.id, "data/live")),
        ]
        outcomes = Intake(ledger, known).take(arrivals, NOW + number)
        assert [outcome.verdict for outcome in outcomes] == ["new", "new"], outcomes


def cursor(data_dir: Path) -> int:
    series = open_series(data_dir, read_only=True)
    found = series.cursor(CURSOR)
    series.close()
    return found


def project(settings: Settings, how: str, shard: int) -> int:
    folder = settings.data_dir / f"series-{shard}"
    folder.mkdir(exist_ok=True)
    return in_a_process(
        lambda: failing_projector.project_of(settings, folder, how, BAD, shard=shard, register=known)
    )


def test_a_row_that_kills_the_projector_of_one_shard_is_set_aside_there_and_taken_in_on_order(
    postgres: Postgres, tmp_path: Path
) -> None:
    settings = postgres.settings(tmp_path)
    ledger = open_ledger_of(settings)
    taken_in(ledger)
    assert [row.site for row in ledger.rows(0, 9, HERE)] == [SITE.id] * 3
    ends = [project(settings, "kill", HERE) for _ in range(1 + MOST_TRIES)]
    assert set(ends) == {-signal.SIGKILL}
    assert project(settings, "kill", THERE) == 0  # the other one never meets it
    assert cursor(tmp_path / f"series-{THERE}") == 6
    assert project(settings, "kill", HERE) == 0
    assert cursor(tmp_path / f"series-{HERE}") == 5
    (entry,) = ledger.quarantine(code="projection")
    assert (entry.ledger_row, entry.site) == (BAD_ROW, SITE.id)
    of_shard = {shard: SetAside(ledger, lambda: ledger, lambda: NOW, shard) for shard in (HERE, THERE)}
    assert {shard: BAD_ROW in aside for shard, aside in of_shard.items()} == {HERE: True, THERE: False}
    Quarantine(ledger, Intake(ledger, known)).replay(entry.id, who="an engineer", now=NOW)
    for shard in (THERE, HERE):
        assert project(settings, "never", shard) == 0
    told = [(event.who, event.action) for event in ledger.quarantine_events(entry.id)]
    assert told == [("an engineer", "replay ordered"), ("projector", "replayed")]
    series = open_series(tmp_path / f"series-{HERE}", read_only=True)
    channel = series.channel(SIGNED.id, "st1", "ta")
    assert channel is not None
    assert [p.value for p in series.points_between(channel.id, 0, 1e10)] == [20.0, 21.0, 22.0]
    series.close()
    ledger.close()
