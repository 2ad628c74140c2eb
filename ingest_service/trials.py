"""What is being tried just now, remembered beyond the process that tries it.

One row or payload that nobody foresaw must not stop all others, and it must not be given up for a passing
trouble. So what is tried is noted before, in a small file, and crossed out after. A process that finds
something there at its start knows at what its predecessor died, by whatever cause: an exception, a signal,
the end of the memory. It then tries those alone, one at a time; what failed alone `MOST_TRIES` times is
spent, and its owner puts it aside.

The note is not synced: what a power cut takes with it was not the cause of the power cut.
"""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final, TypeVar

MOST_TRIES: Final = 3
MOST_REMEMBERED: Final = 1000
MOST_PROCESSES: Final = 64
MOST_BYTES: Final = 2**20
FOLDER: Final = "trials"
_Item = TypeVar("_Item")


class Trials:
    """Counts for one process; `place` None: in memory only, for what cannot end the process."""

    def __init__(self, place: Path | None = None) -> None:
        """`place`: the file without its ending. Each process takes one that no living one has."""
        self._tries: dict[str, int] = {}
        self._file = None if place is None else _free_file(place)
        if self._file is not None:
            self._recall(self._file)

    def groups(self, items: Iterable[_Item], name: Callable[[_Item], str]) -> Iterator[list[_Item]]:
        """The items in order, in groups to be tried together: each suspect is a group of its own."""
        together: list[_Item] = []
        for item in items:
            if not self._tries or name(item) not in self._tries:
                together.append(item)
                continue
            if together:
                yield together
            yield [item]
            together = []
        if together:
            yield together

    def spent(self, name: str) -> bool:
        """Whether it has failed alone as often as it may."""
        return self._tries.get(name, 0) >= MOST_TRIES

    def begin(self, names: Sequence[str]) -> None:
        """Note what is tried from now on."""
        self._note(names)

    def wait(self) -> None:
        """It was not the items' fault; nothing is counted."""
        self._note(())

    def passed(self, names: Iterable[str]) -> None:
        """Done with, one way or the other: a name that comes again begins anew."""
        for name in names if self._tries else ():
            self._tries.pop(name, None)
        self._note(())

    def failed(self, names: Sequence[str]) -> None:
        """One that was tried alone has failed once more; of several each is a suspect."""
        for name in names:
            self._add(name, int(len(names) == 1))
        self._note(())

    def count(self, name: str) -> None:
        """One of those that are tried just now has failed by itself; the others are still tried."""
        self._add(name, 1)

    def _add(self, name: str, times: int) -> None:
        self._tries[name] = self._tries.pop(name, 0) + times
        while len(self._tries) > MOST_REMEMBERED:
            del self._tries[next(iter(self._tries))]

    def close(self) -> None:
        if self._file is not None:
            os.close(self._file)
            self._file = None

    def _recall(self, file: int) -> None:
        said = os.pread(file, MOST_BYTES, 0).partition(b"\n")[0]
        with suppress(ValueError, TypeError, KeyError, AttributeError):
            left = json.loads(said)
            self._tries = {str(name): int(times) for name, times in left["tries"].items()}
            if left["trying"]:
                self.failed([str(name) for name in left["trying"]])

    def _note(self, trying: Sequence[str]) -> None:
        if self._file is None:
            return
        # One write, so a process that is killed leaves the note of before or this one. A disk that is full is
        # for the store to report, which is written next.
        with suppress(OSError):
            os.pwrite(self._file, json.dumps({"trying": trying, "tries": self._tries}).encode() + b"\n", 0)


def _free_file(place: Path) -> int | None:
    """A file under that name, or under the next number; None when none can be had."""
    with suppress(OSError):
        place.parent.mkdir(parents=True, exist_ok=True)
        for number in range(1, MOST_PROCESSES + 1):
            path = place.with_name(f"{place.name}-{number}.json")
            opened = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o640)
            try:
                fcntl.flock(opened, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                os.close(opened)
                continue
            return opened
    return None
