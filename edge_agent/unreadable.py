"""What a damaged outbox no longer shows: which batches are missing between those that verify, and from when
to when they were measured. Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from itertools import pairwise

from edge_agent.heartbeat import utc
from osh_domain.batch import Frame

MOST_WORDS = 50  # of one epoch; a file with more holes is told as one


class Unreadable:
    """Collects the batches that verify; `words` says what lies between, before and behind them."""

    def __init__(self) -> None:
        # By epoch: number -> wall times of the first and the last record.
        self._found: defaultdict[str, dict[int, tuple[float, float]]] = defaultdict(dict)

    def add(self, frames: Iterable[Frame]) -> None:
        for frame in frames:
            header = frame.header
            first, last = header.mono
            self._found[header.ep][header.seq] = (first + header.off, last + header.off)

    def words(self, until: float) -> list[str]:
        """For `sys/gap`. `until`: wall time at which measuring went on with another outbox."""
        if not self._found:
            return [f"outbox damaged: no batch of it can be read; {_missing(None, until)}"]
        last_epoch = max(self._found, key=lambda epoch: self._end(epoch)[1])
        told = []
        for epoch, found in self._found.items():
            told += self._between(epoch, found)
            if epoch == last_epoch:
                seq, end = self._end(epoch)
                told.append(
                    f"outbox damaged: behind batch {seq} of epoch {epoch} nothing can be read;"
                    f" {_missing(end, until)}"
                )
        return told

    def _end(self, epoch: str) -> tuple[int, float]:
        """Number and last instant of the highest batch that verifies."""
        seq = max(self._found[epoch])
        return seq, self._found[epoch][seq][1]

    def _between(self, epoch: str, found: dict[int, tuple[float, float]]) -> list[str]:
        numbers = sorted(found)
        begin = numbers[0]
        holes = [(a + 1, b - 1, found[a][1], found[b][0]) for a, b in pairwise(numbers) if b > a + 1]
        if len(holes) > MOST_WORDS:
            holes = [(holes[0][0], holes[-1][1], holes[0][2], holes[-1][3])]
        told = [
            f"outbox damaged: batches {a} to {b} of epoch {epoch} cannot be read; {_missing(since, until)}"
            for a, b, since, until in holes
        ]
        if begin > 1:
            text = f"outbox damaged: before batch {begin} of epoch {epoch} nothing can be read"
            told.insert(0, f"{text}; {_missing(None, found[begin][0])}")
        return told


def _missing(since: float | None, until: float) -> str:
    span = f"until {utc(until)}" if since is None else f"from {utc(since)} to {utc(until)}"
    return f"unless it was delivered before, what was measured {span} is missing"
