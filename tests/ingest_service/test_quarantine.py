from collections.abc import Iterator
from pathlib import Path

import pytest

from ingest_service.intake import Intake
from ingest_service.ledger.sqlite import open_ledger
from ingest_service.projection import Projector
from ingest_service.quarantine import Quarantine, QuarantineError
from ingest_service.register.snapshot import RegisterSnapshot
from ingest_service.series.sqlite import open_series
from tests.ingest_service.gateways import KEY, NOW, SITE, Device, arrival, reading, snapshot, zipped

LATER = NOW + 7200.0


class Desk:
    """Ledger, intake and quarantine of a server that does not know its gateway's key yet."""

    def __init__(self, data_dir: Path) -> None:
        self.ledger = open_ledger(data_dir)
        self.register = snapshot(keys=[])
        self.intake = Intake(self.ledger, self._snapshot)
        self.quarantine = Quarantine(self.ledger, self.intake)

    def _snapshot(self) -> RegisterSnapshot:
        return self.register

    def take(self, payload: bytes) -> int:
        (outcome,) = self.intake.take([arrival(payload)], NOW)
        assert outcome.quarantine_id is not None
        return outcome.quarantine_id


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    built = Desk(tmp_path)
    yield built
    built.ledger.close()


def test_after_the_key_is_registered_a_replay_brings_the_batch_in_with_its_first_arrival(
    desk: Desk, tmp_path: Path
) -> None:
    frame = Device().batch(reading(at=NOW - 1))
    number = desk.take(frame)
    assert desk.quarantine.replay(number, who="sok", now=LATER).verdict == "quarantined"
    desk.register = snapshot(keys=[KEY])
    assert desk.quarantine.replay(number, who="sok", now=LATER).verdict == "new"
    (row,) = desk.ledger.rows(0, 10)
    assert (row.source, row.received_at, row.payload) == ("replay", NOW, frame)
    assert desk.quarantine.replay(number, who="sok", now=LATER).verdict == "duplicate"
    found = desk.quarantine.inspect(number)
    assert found.entry.settled
    assert [(e.action, e.who) for e in found.events] == [
        ("refused again", "sok"),
        ("replayed", "sok"),
        ("replayed", "sok"),
    ]
    series = open_series(tmp_path)
    Projector(desk.ledger, series, lambda: desk.register).step(10)
    assert series.channels()[0].last_time == NOW - 1
    series.close()


def test_an_entry_is_shown_inflated_and_what_cannot_be_decoded_as_escapes(desk: Desk) -> None:
    frame = Device().batch()
    deflated = desk.quarantine.inspect(desk.take(zipped(frame)))
    assert deflated.shown.startswith('{"v":1,"gw":"kh-f0123-a"')
    assert deflated.payload == zipped(frame)
    noise = desk.quarantine.inspect(desk.take(b"{\xff\x00torn"))
    assert (noise.shown, noise.entry.code, noise.replayable) == ("{\\xff\x00torn", "frame", True)
    assert desk.quarantine.inspect(desk.take(b"{" + b"x" * 9000)).cut


def test_a_remark_shows_its_batch_and_cannot_be_replayed(desk: Desk) -> None:
    desk.register = snapshot()
    frame = Device().batch(reading(unit="K", value=304.0))
    desk.intake.take([arrival(frame)], NOW)
    (entry,) = desk.quarantine.entries(sites=[SITE.id])
    found = desk.quarantine.inspect(entry.id)
    assert (found.payload, found.replayable) == (frame, False)
    with pytest.raises(QuarantineError, match="remark on ledger row 1"):
        desk.quarantine.replay(entry.id, who="sok", now=LATER)


def test_notes_and_closing_are_history_and_need_words(desk: Desk) -> None:
    number = desk.take(b"{torn")
    desk.quarantine.note(number, who="sok", text=" asked the factory ", now=LATER)
    with pytest.raises(QuarantineError, match="Say why"):
        desk.quarantine.close(number, who="sok", text=" ", now=LATER)
    with pytest.raises(QuarantineError, match="1 to 2000 characters"):
        desk.quarantine.note(number, who="sok", text="x" * 2001, now=LATER)
    assert not desk.quarantine.inspect(number).entry.settled
    desk.quarantine.close(number, who="sok", text="a test device", now=LATER)
    found = desk.quarantine.inspect(number)
    assert found.entry.settled
    assert [e.text for e in found.events] == ["asked the factory", "a test device"]


def test_an_entry_that_is_not_there_is_a_key_error(desk: Desk) -> None:
    for ask in (desk.quarantine.inspect, lambda n: desk.quarantine.replay(n, who="sok", now=LATER)):
        with pytest.raises(KeyError):
            ask(77)
