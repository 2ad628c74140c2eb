"""What is told of a damaged outbox covers every batch that does not verify, and nothing that does."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from edge_agent.outbox.records import Anchoring
from edge_agent.outbox.store import Outbox
from edge_agent.unreadable import MOST_WORDS, Unreadable
from osh_domain.batch import Frame, open_frame
from tests.delivery.gaps import spans
from tests.edge_agent.batches import ALL, ANCHORING, seal_one


def frames(tmp_path: Path, batches: int) -> list[Frame]:
    """One batch a minute: that of minute m has number m."""
    with Outbox(tmp_path / "outbox.sqlite", "kh-f0123-a") as outbox:
        for minute in range(1, batches + 1):
            seal_one(outbox, 60.0 * minute)
        return [open_frame(batch.payload) for batch in outbox.waiting(0, ALL, ALL)]


def missing(found: Iterable[Frame], until: float, anchoring: Anchoring = ANCHORING) -> list[int]:
    """Minutes of an hour that some word covers."""
    unreadable = Unreadable()
    unreadable.add(found)
    covered = [span for word in unreadable.words(until) for span in spans(word)]
    at = [1000 * (anchoring.off + 60.0 * minute) for minute in range(1, 61)]
    return [m for m, t in enumerate(at, 1) if any(since < t < until for since, until in covered)]


def test_what_does_not_verify_is_told_with_the_time_it_was_measured_in(tmp_path: Path) -> None:
    made = frames(tmp_path, 30)
    readable = [frame for frame in made if frame.header.seq not in (1, 2, 9, 20, 21, 29, 30)]
    until = ANCHORING.off + 60.0 * 40.5
    assert missing(readable, until) == [1, 2, 9, 20, 21, *range(29, 41)]
    assert missing(made, until) == [*range(31, 41)]
    assert missing([], until) == [*range(1, 41)]


def test_a_file_full_of_holes_is_told_in_one_word(tmp_path: Path) -> None:
    made = frames(tmp_path, 2 * MOST_WORDS + 5)
    unreadable = Unreadable()
    unreadable.add(frame for frame in made if frame.header.seq % 2)
    assert len(unreadable.words(ANCHORING.off + 1e5)) == 2
